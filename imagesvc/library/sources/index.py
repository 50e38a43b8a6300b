"""Index pages of HTTP servers as sources: nginx's autoindex, Apache's mod_autoindex and such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin

from anyio import to_thread

from imagesvc.errors import ImagesvcError
from imagesvc.library.importing.facts import Facts, title_of
from imagesvc.library.sources.links import links_of
from imagesvc.library.sources.looks import Entry, Look, check_entries, is_image_name
from imagesvc.model.ids import UserId
from imagesvc.outbound.source import Page, Source
from imagesvc.store.files.incoming import IncomingFile

MAX_BYTES = 16 << 20
MAX_PAGES = 2_000
MAX_DEPTH = 16
MAX_MARK = 100
MAX_FAULTS = 10


@dataclass(slots=True)
class IndexReader:
    """A folder of an HTTP server, with the folders below it."""

    source: Source
    address: str
    owner_id: UserId | None
    forgets: bool = False

    async def look(self, state: Mapping[str, Any]) -> Look | None:
        """All images that the pages link to; None if there is one page, which has not changed."""
        base = f"{self.address.rstrip('/')}/"
        first = await self.source.page(base, state, MAX_BYTES, self.owner_id)
        if first is None:
            return None
        entries, folders = await to_thread.run_sync(listed, first, base)
        faults: list[str] = []
        state = {} if folders else first.validators
        await self._look_below(base, sorted(folders)[:MAX_PAGES], entries, faults)
        return Look(entries, faults, state)

    async def _look_below(
        self, base: str, waiting: list[str], entries: dict[str, Entry], faults: list[str]
    ) -> None:
        seen = {base, *waiting}
        pages = 1
        while waiting and len(faults) < MAX_FAULTS:
            url = waiting.pop()
            if pages == MAX_PAGES:
                faults.append(f"There are more than {MAX_PAGES:,} folders.")
                return
            pages += 1
            try:
                page = await self.source.page(url, {}, MAX_BYTES, self.owner_id)
            except ImagesvcError as error:
                faults.append(f"{url}: {error.detail}")
                continue
            if page is not None:
                found, folders = await to_thread.run_sync(listed, page, base)
                entries |= found
                check_entries(len(entries))
                new = sorted(folders - seen)[: MAX_PAGES + 1 - len(seen)]
                waiting += new
                seen.update(new)

    async def settle(self) -> None:
        """Do nothing: whether a file is being written cannot be seen from here."""

    async def facts(self, entry: Entry) -> Facts:
        """The file's name."""
        return Facts(filename=title_of(unquote(PurePosixPath(entry.path).name)))

    async def fill(self, entry: Entry, file: IncomingFile) -> None:
        """Fetch a file."""
        await self.source.fetch(
            f"{self.address.rstrip('/')}/{entry.path}", file.write, self.owner_id
        )


def listed(page: Page, base: str) -> tuple[dict[str, Entry], set[str]]:
    """The images and the folders below `base` that a page links to.

    What follows a link, such as a date and a size, is the mark of its file.

    Raises:
        SourceUnavailable: the page has too many links.
    """
    entries: dict[str, Entry] = {}
    folders: set[str] = set()
    for address, text in links_of(page.body.decode("utf-8", "replace")):
        try:
            url = urljoin(page.url, address)
        except ValueError:
            continue
        below = url.removeprefix(base)
        if below == url or not below or {"?", "#"} & set(below) or ".." in unquote(below):
            continue
        if below.endswith("/"):
            if below.count("/") <= MAX_DEPTH:
                folders.add(url)
        elif is_image_name(unquote(below)):
            entries.setdefault(below, Entry(below, 0, text[:MAX_MARK]))
    return entries, folders
