"""The links of an HTML page, each with the text that follows it, in time linear in its length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from imagesvc.errors import SourceUnavailable

MAX_MARKS = 500_000
"""Begins and ends of links, and comments, of one page."""
MAX_TAG = 8_000
MAX_ADDRESS = 2_000
MAX_TEXT = 1_000
MARK = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)a([\s/][^<>]*)?>", re.ASCII | re.DOTALL | re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)|'([^']*)|([^\s"'>]+)))?""", re.ASCII)
TAG = re.compile(r"<[^<>]*>?")


def links_of(html: str) -> Iterator[tuple[str, str]]:
    """Addresses, and the text between the end of each link and the next link.

    Raises:
        SourceUnavailable: there are too many links.
    """
    address, end = "", 0
    for number, mark in enumerate(MARK.finditer(html)):
        if number == MAX_MARKS:
            raise SourceUnavailable("The page has too many links.")
        is_end, inside = mark.groups()
        if is_end:
            end = end or mark.end()
        elif inside is not None:
            yield from _link(address, html[end : mark.start()] if end else "")
            address, end = _address(inside), 0
    yield from _link(address, html[end:] if end else "")


def _link(address: str, after: str) -> Iterator[tuple[str, str]]:
    if address:
        yield address, " ".join(unescape(TAG.sub(" ", after[:MAX_TEXT])).split())


def _address(inside: str) -> str:
    """The address in the attributes of a link; empty if it has none, or a very long one."""
    if len(inside) > MAX_TAG:
        return ""
    found = (
        unescape(double or single or plain).strip()
        for name, double, single, plain in ATTRIBUTE.findall(inside)
        if name.lower() == "href"
    )
    address = next(found, "")
    return address if len(address) <= MAX_ADDRESS else ""
