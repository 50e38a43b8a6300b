"""RSS and Atom feeds as sources: the pictures that their entries name.

Sources: RSS 2.0, RFC 4287 (Atom), and Media RSS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element  # the type; defusedxml parses

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from imagesvc.errors import SourceUnavailable
from imagesvc.library.importing.facts import Facts, title_of
from imagesvc.library.sources.looks import Entry, Look, is_image_name
from imagesvc.model.ids import UserId
from imagesvc.outbound.source import Page, Source
from imagesvc.store.files.incoming import IncomingFile

MAX_BYTES = 8 << 20
MAX_PICTURES = 10_000
MAX_URL = 2_000
MEDIA = "{http://search.yahoo.com/mrss/}"


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
        return Look(pictures_of(page), state=page.validators)

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
        SourceUnavailable: it is not a feed.
    """
    try:
        root = fromstring(page.body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceUnavailable("The source is not a feed: it is not valid XML.") from error
    if _local(root) not in {"rss", "RDF", "feed"}:
        raise SourceUnavailable("The source is not a feed: it is neither RSS nor Atom.")
    found: dict[str, Entry] = {}
    for item in root.iter():
        if _local(item) not in {"item", "entry"}:
            continue
        title = next((child.text for child in item if _local(child) == "title"), "")
        for address in _addresses(item):
            url = urljoin(page.url, address.strip())
            if len(url) <= MAX_URL and len(found) < MAX_PICTURES:
                name = unquote(PurePosixPath(urlsplit(url).path).name)
                facts = Facts(title=title_of(title), filename=title_of(name))
                found.setdefault(url, Entry(url, 0, "", facts))
    return found


def _addresses(item: Element) -> Iterator[str]:
    for child in item.iter():
        name = _local(child)
        if name == "enclosure" or child.tag == f"{MEDIA}content":
            address = child.get("url", "")
        elif name == "link" and child.get("rel") == "enclosure":
            address = child.get("href", "")
        else:
            continue
        is_picture = child.get("type", "").startswith("image/") or child.get("medium") == "image"
        if address and (is_picture or is_image_name(address.partition("?")[0])):
            yield address


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
