"""What the full-text index is asked for, in no database's language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """A column of the index with words of a text."""

    TITLE = "title"
    TAGS = "tags"
    DESCRIPTION = "description"
    FILENAME = "filename"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Adjacent words."""

    text: str
    is_begun: bool = False
    """Whether the last word may also be the beginning of one."""


@dataclass(frozen=True, slots=True)
class In:
    """AllOf of these phrases, each in one of the places."""

    places: tuple[Place, ...]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """AllOf of these tags, each whole."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """One of these keys: words for what is not text, such as `v` and the visibility."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """What matches each part."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What matches one of the parts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """What matches the one, and not the other."""

    wanted: Expression
    excluded: Expression


Expression = In | Labelled | Keyed | AllOf | AnyOf | Without


def all_but(wanted: Iterable[Expression], excluded: Iterable[Expression]) -> Expression:
    """What matches each of some expressions, and none of the others."""
    required, refused = AllOf(tuple(wanted)), AnyOf(tuple(excluded))
    return Without(required, refused) if refused.parts else required
