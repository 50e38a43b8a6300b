"""XMP sidecars: the metadata that photo programs write beside a file.

Source: ISO 16684-1 (XMP), and its namespaces `dc`, `xmp`, `exif` and `photoshop`.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree.ElementTree import Element, TreeBuilder  # defusedxml parses

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from imagesvc.library.importing.facts import (
    Facts,
    UnreadableSidecar,
    description_of,
    local_time,
    place_of,
    tags_from,
    title_of,
)

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
EXIF = "{http://ns.adobe.com/exif/1.0/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
DATES = (f"{EXIF}DateTimeOriginal", f"{PHOTOSHOP}DateCreated", f"{XMP}CreateDate")
"""The time of the photograph, the best first."""
MAX_VALUES = 1_000
MAX_ELEMENTS = 100_000
"""They take 15 MB; programs write some thousands."""
MAX_DEPTH = 100

_ANGLE = re.compile(
    r"(\d{1,3})(?:,(\d{1,2}(?:\.\d{1,12})?))?(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])", re.ASCII
)
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}(?:\.[0-9]{0,20})?")
_EXIF_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) ")
_MONTH = re.compile(r"\d{4}(-\d\d)?")

Values = dict[str, list[str]]


def facts_of_xmp(data: bytes) -> Facts:
    """What a sidecar says of its file.

    Raises:
        UnreadableSidecar: it is not XML, has a DTD, which XMP has not, or too many elements.
    """
    try:
        parser = XMLParser(target=_Builder(), forbid_dtd=True)
        parser.feed(data)
        values = _values(parser.close())
    except UnreadableSidecar:
        raise
    except ParseError as error:
        raise UnreadableSidecar(f"it is not valid XML: {error}") from error
    except (DefusedXmlException, ValueError, LookupError) as error:
        raise UnreadableSidecar("it has a DTD, or is no XML") from error
    return Facts(
        title=title_of(_first(values, f"{DC}title")),
        description=description_of(_first(values, f"{DC}description")),
        tags=tags_from(values.get(f"{DC}subject", ())),
        taken_at=next(filter(None, (_time(_first(values, name)) for name in DATES)), None),
        place=place_of(
            _degrees(_first(values, f"{EXIF}GPSLatitude")),
            _degrees(_first(values, f"{EXIF}GPSLongitude")),
            _altitude(values),
        ),
    )


class _Builder(TreeBuilder):
    """Makes a tree of limited size."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        """See `TreeBuilder`."""
        self._elements, self._depth = self._elements + 1, self._depth + 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise UnreadableSidecar(
                f"it has more than {MAX_ELEMENTS:,} elements, or {MAX_DEPTH} in each other"
            )
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        """See `TreeBuilder`."""
        self._depth -= 1
        return super().end(tag)


def _values(root: Element) -> Values:
    """The texts of each property: attributes and elements of `rdf:Description`, items of lists.

    A list is `property/rdf:Bag/rdf:li` at any nesting of descriptions. Each element is looked at
    once: to search all below a property would take quadratic time for nested descriptions.
    """
    found: Values = {}
    for description in root.iter(f"{RDF}Description"):
        for name, text in description.attrib.items():
            found.setdefault(name, [text])
        for child in description:
            items = [item.text for some in child for item in some if item.tag == f"{RDF}li"]
            texts = [
                text.strip()
                for text in (items or [child.text])[:MAX_VALUES]
                if text and text.strip()
            ]
            found.setdefault(child.tag, texts)
    return found


def _first(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")


def _time(text: str) -> str | None:
    """The local time of a date, which may have a time and an offset."""
    text = _EXIF_DATE.sub(r"\1-\2-\3T", text.strip())
    if _MONTH.fullmatch(text):
        return None
    try:
        return local_time(datetime.fromisoformat(text))
    except ValueError:
        return None


def _degrees(text: str) -> float | None:
    """An angle such as `54,10.77N`, or a plain number of degrees."""
    match = _ANGLE.fullmatch(text.strip())
    if match is None:
        return _number(text)
    degrees, minutes, seconds = (float(part or 0) for part in match.groups()[:3])
    angle = degrees + minutes / 60 + seconds / 3600
    return -angle if match[4] in "SW" else angle


def _altitude(values: Values) -> float | None:
    above, _, parts = _first(values, f"{EXIF}GPSAltitude").partition("/")
    number, divisor = _number(above), _number(parts or "1")
    if number is None or not divisor:
        return None
    is_below = _first(values, f"{EXIF}GPSAltitudeRef") == "1"
    return -number / divisor if is_below else number / divisor


def _number(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text := text.strip()) else None
