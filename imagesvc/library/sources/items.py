"""The items of an RSS or Atom feed, read element by element: no tree is made, and all is bounded.

Sources: RSS 2.0, RFC 4287 (Atom), and Media RSS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from imagesvc.errors import SourceUnavailable
from imagesvc.library.sources.looks import is_image_name

MAX_ADDRESS = 2_000
MAX_DEPTH = 100
MAX_ELEMENTS = 200_000
MAX_PICTURES = 10_000
MAX_TITLE = 2_000
MEDIA = "{http://search.yahoo.com/mrss/}"
FEEDS = {"rss", "RDF", "feed"}
ITEMS = {"item", "entry"}


@dataclass(slots=True)
class Item:
    """One item, with the addresses of its pictures."""

    depth: int
    title: str = ""
    addresses: list[str] = field(default_factory=list)


class Items:
    """Takes what a parser of XML finds; an address belongs to the innermost item around it."""

    def __init__(self) -> None:
        self.found: list[Item] = []
        """Items with pictures, as they end."""
        self._path: list[str] = []
        self._open: list[Item] = []
        self._elements = self._pictures = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins.

        Raises:
            SourceUnavailable: it is not a feed, or is too large.
        """
        name = tag.rpartition("}")[2]
        if not self._path and name not in FEEDS:
            raise SourceUnavailable("The source is not a feed: it is neither RSS nor Atom.")
        self._path.append(name)
        self._elements += 1
        if len(self._path) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise SourceUnavailable(
                f"The feed has more than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} in each other."
            )
        if name in ITEMS:
            self._open.append(Item(len(self._path)))
        elif self._open and self._pictures < MAX_PICTURES:
            address = _address(tag, name, attributes)
            if 0 < len(address) <= MAX_ADDRESS:
                self._open[-1].addresses.append(address)
                self._pictures += 1

    def data(self, text: str) -> None:
        """Text: that of the title of an item is kept."""
        if self._open and self._path[-1] == "title":
            item = self._open[-1]
            if len(self._path) == item.depth + 1 and len(item.title) < MAX_TITLE:
                item.title += text[:MAX_TITLE]

    def end(self, _tag: str) -> None:
        """An element ends."""
        if self._path.pop() in ITEMS:
            item = self._open.pop()
            if item.addresses:
                self.found.append(item)

    def close(self) -> None:
        """Do nothing: the document has ended."""


def _address(tag: str, name: str, attributes: Mapping[str, str]) -> str:
    """The address of the picture that an element names; empty if it names none."""
    if name == "enclosure" or tag == f"{MEDIA}content":
        address = attributes.get("url", "")
    elif name == "link" and attributes.get("rel") == "enclosure":
        address = attributes.get("href", "")
    else:
        return ""
    kind = attributes.get("type", "")
    is_picture = kind.startswith("image/") or attributes.get("medium") == "image"
    named = is_picture or is_image_name(address[: MAX_ADDRESS + 1].partition("?")[0])
    return address.strip() if named else ""
