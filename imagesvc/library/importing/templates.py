"""Templates of collections: the title of a file's collection, made of its folder and its date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from string import Formatter

from imagesvc.library.importing.facts import title_of
from imagesvc.logs import printable


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a file is, below the folder that was named, and when its photograph was taken."""

    folder: PurePath
    """The folder that has the file."""
    below: PurePath
    """The same, from the named folder on."""
    taken_at: str
    """Local time in ISO 8601."""


PARTS: Mapping[str, Callable[[Spot], str]] = {
    "folder": lambda spot: spot.folder.name,
    "parent": lambda spot: spot.folder.parent.name,
    "path": lambda spot: str(spot.below).removeprefix("."),
    "year": lambda spot: spot.taken_at[:4],
    "month": lambda spot: spot.taken_at[5:7],
    "day": lambda spot: spot.taken_at[8:10],
}
DATED = frozenset({"year", "month", "day"})


class InvalidTemplate(ValueError):
    """A template that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in braces: `folder`, `parent`, `path`, `year`, `month`, `day`."""

    text: str
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template.

        Raises:
            InvalidTemplate: it names something unknown, or its braces do not match.
        """
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise InvalidTemplate(f"has braces that do not match: {error}") from error
        names = {name for _text, name, _spec, _conversion in parts if name is not None}
        unknown = sorted(names - PARTS.keys())
        if unknown or any(spec or conversion for _text, _name, spec, conversion in parts):
            known = ", ".join(f"{{{name}}}" for name in PARTS)
            raise InvalidTemplate(f"may have {known} only, not {text!a}")
        return cls(text, frozenset(names))

    @property
    def needs_date(self) -> bool:
        """Whether the title depends on the date."""
        return bool(self.names & DATED)

    def title(self, spot: Spot) -> str:
        """The title of the collection of a file there; empty for none."""
        values = {name: printable(PARTS[name](spot)) for name in self.names}
        return title_of(self.text.format_map(values))
