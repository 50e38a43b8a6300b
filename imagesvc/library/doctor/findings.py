"""A finding: one thing that was examined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from imagesvc.errors import text_of
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.sqlite.soundness import is_damage


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    level: Level
    text: str
    """What was found, and what that means."""
    remedy: str = ""
    """What to do; empty if nothing is to be done."""


Check = Callable[[], Iterable[Finding]]


def ok(name: str, text: str) -> Finding:
    """Something that is as it should be."""
    return Finding(name, Level.OK, text)


def warning(name: str, text: str, remedy: str) -> Finding:
    """Something that may become a problem."""
    return Finding(name, Level.WARNING, text, remedy)


def error(name: str, text: str, remedy: str) -> Finding:
    """Something that does not work, or will lose data."""
    return Finding(name, Level.ERROR, text, remedy)


def findings_of(name: str, check: Check) -> Iterator[Finding]:
    """The findings of a check; one that fails is a finding, too, and does not stop others."""
    try:
        yield from check()
    except Exception as failure:  # noqa: BLE001  # an installation may be broken in any way
        reason = text_of(failure) or type(failure).__name__
        remedy = NEXT_STEPS if is_damage(failure) else "Run as the user of the server."
        yield error(name, f"cannot be examined: {reason}", remedy)
