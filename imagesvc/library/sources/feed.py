"""RSS and Atom feeds as sources: the pictures that their entries name."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from anyio import to_thread
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from imagesvc.errors import SourceUnavailable
from imagesvc.library.importing.facts import Facts, title_of
from imagesvc.library.sources.items import Items
from imagesvc.library.sources.looks import Entry, Look
from imagesvc.model.ids import UserId
from imagesvc.outbound.source import Page, Source
from imagesvc.store.files.incoming import IncomingFile

MAX_BYTES = 8 << 20


@dataclass(slots=True)
class FeedReader:
    """A feed; entries that it does not have any more still count."""

    source: Source
    address: str
    owner_id: UserId | None
    forgets: bool = True

    async def look(self, state: Mapping[str, Any]) -> Look | None:
        """The pictures of all entries; None if the feed has not changed."""
        page = await self.source.page(self.address, state, MAX_BYTES, self.owner_id)
        if page is None:
            return None
        return Look(await to_thread.run_sync(pictures_of, page), state=page.validators)

    async def settle(self) -> None:
        """Do nothing: a feed names what is complete."""

    async def facts(self, _entry: Entry) -> Facts:
        """Nothing beside what the feed says."""
        return Facts()

    async def fill(self, entry: Entry, file: IncomingFile) -> None:
        """Fetch a picture."""
        await self.source.fetch(entry.path, file.write, self.owner_id)


def pictures_of(page: Page) -> dict[str, Entry]:
    """The pictures of a feed by their URLs.

    Raises:
        SourceUnavailable: it is not a feed, or is too large.
    """
    items = Items()
    parser = XMLParser(target=items)
    try:
        parser.feed(page.body)
        parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceUnavailable("The source is not a feed: it is not valid XML.") from error
    found: dict[str, Entry] = {}
    for item in items.found:
        title = title_of(item.title)
        for address in item.addresses:
            with contextlib.suppress(ValueError):  # it is no URL
                entry = _entry(urljoin(page.url, address), title)
                found.setdefault(entry.path, entry)
    return found


def _entry(url: str, title: str) -> Entry:
    name = unquote(PurePosixPath(urlsplit(url).path).name)
    return Entry(url, 0, "", Facts(title=title, filename=title_of(name)))
