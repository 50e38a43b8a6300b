"""The parts of a search, as the parser makes them; `str()` of each is text that parses to it."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId
from imagesvc.store.search.hues import Hue


class TextField(StrEnum):
    """A field of words; `ANY` are title, description, tags and file name together."""

    ANY = ""
    TITLE = "title"
    DESCRIPTION = "desc"
    FILENAME = "filename"
    CAMERA = "camera"


class Measure(StrEnum):
    """A field of numbers: bytes, or pixels."""

    SIZE = "size"
    WIDTH = "width"
    HEIGHT = "height"


class Shape(StrEnum):
    """How width and height compare."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


class Mark(StrEnum):
    """What an own image is marked as."""

    FAVOURITE = "favourite"
    WAITING = "waiting"
    """Uploaded by a guest, and not accepted yet."""


@dataclass(frozen=True, slots=True)
class Words:
    """Adjacent words. Quoted ones match whole words, the others beginnings."""

    text: str
    field: TextField = TextField.ANY
    is_quoted: bool = False

    def __str__(self) -> str:
        text = f'"{self.text}"' if self.is_quoted else self.text
        return f"{self.field}:{text}" if self.field else text


@dataclass(frozen=True, slots=True)
class Tags:
    """All of these tags, each folded."""

    tags: tuple[str, ...]

    def __str__(self) -> str:
        return f"tags:{','.join(_quoted_where_needed(tag) for tag in self.tags)}"


@dataclass(frozen=True, slots=True)
class Day:
    """A date, of which parts may be open."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def __str__(self) -> str:
        if self.year is not None and self.day is None:
            month = "" if self.month is None else f"-{self.month:02}"
            return f"{self.year:04}{month}"
        year = "*" if self.year is None else f"{self.year:04}"
        month, day = ("*" if part is None else f"{part:02}" for part in (self.month, self.day))
        return f"{year}-{month}-{day}"

    @property
    def first(self) -> date:
        """The first day of it; the year must be known."""
        return date(self.year or 1, self.month or 1, self.day or 1)

    @property
    def last(self) -> date:
        """The last day of it; the year must be known."""
        year, month = self.year or 1, self.month or 12
        return date(year, month, self.day or calendar.monthrange(year, month)[1])


@dataclass(frozen=True, slots=True)
class Dated:
    """Dated on such a day."""

    day: Day

    def __str__(self) -> str:
        return f"date:{self.day}"


@dataclass(frozen=True, slots=True)
class From:
    """Dated on the first day of this, or later."""

    day: Day

    def __str__(self) -> str:
        return f"from:{self.day}"


@dataclass(frozen=True, slots=True)
class To:
    """Dated on the last day of this, or before."""

    day: Day

    def __str__(self) -> str:
        return f"to:{self.day}"


@dataclass(frozen=True, slots=True)
class OfFormat:
    """Stored in this format."""

    format: Format

    def __str__(self) -> str:
        return f"format:{self.format}"


@dataclass(frozen=True, slots=True)
class Range:
    """A measure within inclusive bounds; None is no bound."""

    measure: Measure
    least: int | None
    most: int | None

    def __str__(self) -> str:
        least, most = ("" if bound is None else str(bound) for bound in (self.least, self.most))
        return f"{self.measure}:{least}..{most}"


@dataclass(frozen=True, slots=True)
class Shaped:
    """Of this shape."""

    shape: Shape

    def __str__(self) -> str:
        return f"orientation:{self.shape}"


@dataclass(frozen=True, slots=True)
class Marked:
    """Marked so by its owner, who is the viewer."""

    mark: Mark

    def __str__(self) -> str:
        return f"is:{self.mark}"


@dataclass(frozen=True, slots=True)
class Colored:
    """With this colour, or one that is near it, in its palette."""

    rgb: str
    """Six lower-case hexadecimal digits."""

    def __str__(self) -> str:
        return f"color:#{self.rgb}"


@dataclass(frozen=True, slots=True)
class Hued:
    """With a colour of this name in its palette."""

    hue: Hue

    def __str__(self) -> str:
        return f"color:{self.hue}"


@dataclass(frozen=True, slots=True)
class Similar:
    """Looking like this image."""

    image_id: ImageId

    def __str__(self) -> str:
        return f"similar:{self.image_id}"


Alternative = Words | Tags | Dated | OfFormat | Shaped | Marked | Hued


@dataclass(frozen=True, slots=True)
class Either:
    """One of these terms, or several; in the full-text index they can be distinguished."""

    atoms: tuple[Alternative, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.atoms))


Atom = Alternative | From | To | Range | Colored | Similar | Either


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that an image has to be, or must not be."""

    atom: Atom
    is_negated: bool = False
    column: int = field(default=1, compare=False)
    """Where it begins in the text that it was read from, from 1."""

    def __str__(self) -> str:
        return f"-{self.atom}" if self.is_negated else str(self.atom)


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all match; without terms, every image matches."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    @property
    def has_words(self) -> bool:
        """Whether it has words without a field, for which images have a relevance."""
        return any(
            isinstance(term.atom, Words) and not term.atom.field and not term.is_negated
            for term in self.terms
        )

    @property
    def similar(self) -> Term | None:
        """The term for images that are similar to another."""
        return next((term for term in self.terms if isinstance(term.atom, Similar)), None)


def _quoted_where_needed(tag: str) -> str:
    return f'"{tag}"' if "," in tag or any(map(str.isspace, tag)) else tag
