"""From terms to expressions of FTS5, over the columns that migration 0004 describes.

Text of a user is between double quotes, where FTS5 has no operators.

Source: https://www.sqlite.org/fts5.html, section 3.
"""

from __future__ import annotations

import calendar
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from imagesvc.model.images import Viewer, Visibility
from imagesvc.store.search.colors import lab, near_cells
from imagesvc.store.search.listing import ImageFilter
from imagesvc.store.search.terms import (
    Alternative,
    Atom,
    Colored,
    Dated,
    Day,
    Either,
    From,
    Hued,
    Marked,
    OfFormat,
    Shaped,
    Tags,
    Term,
    TextField,
    To,
    Words,
)

_COLUMNS = {
    TextField.ANY: "title description tags filename",
    TextField.TITLE: "title",
    TextField.DESCRIPTION: "description",
    TextField.FILENAME: "filename",
    TextField.CAMERA: "camera",
}
_RANKED_COLUMNS = ("title", "title tags", _COLUMNS[TextField.ANY])
_EDGE = "\ue001"
_NOTHING = 'keys : "none"'


@dataclass(frozen=True, slots=True)
class Match:
    """The query of the full-text index: an expression for each rank, the best first."""

    ranks: tuple[str, ...]
    """The last one matches all images that the others match."""
    exclusive: tuple[str, ...]
    """The same, each without the images of the ranks before it, at up to three times the cost."""

    @property
    def any_rank(self) -> str:
        """Images that match one of the ranks."""
        return self.ranks[-1]

    def without_ranks(self) -> Match:
        """All matches as one rank."""
        return Match((self.any_rank,), (self.any_rank,))


def match_of(wanted: ImageFilter) -> Match | None:
    """The expressions for a filter; None if it contains nothing that the index has."""
    terms = [term for term in wanted.query.terms if _is_indexed(term)]
    if not terms:
        return None
    free = [
        term.atom
        for term in terms
        if isinstance(term.atom, Words) and not term.atom.field and not term.is_negated
    ]
    required = [
        _expression(term.atom, wanted.viewer)
        for term in terms
        if not term.is_negated and term.atom not in free and not isinstance(term.atom, From | To)
    ]
    required += _time_range([term.atom for term in terms if not term.is_negated])
    required += _filters(wanted)
    excluded = [_expression(_whole(term.atom), wanted.viewer) for term in terms if term.is_negated]
    excluded += _hidden_from(wanted.viewer)
    if not free:
        only = _combined(required or [_anyone()], excluded)
        return Match((only,), (only,))
    ranks = _ranks(free)
    return Match(
        tuple(_combined([rank, *required], excluded) for rank in ranks),
        tuple(
            _combined([rank, *required], [*ranks[:place][-2:], *excluded])
            for place, rank in enumerate(ranks)
        ),
    )


def _is_indexed(term: Term) -> bool:
    match term.atom:
        case Words():
            return any(_is_token(char) for char in term.atom.text)
        case Colored():
            return not term.is_negated  # a cell also has colours that are not near
        case Either():
            return bool(_known(term.atom))
        case _:
            return isinstance(
                term.atom, Tags | Dated | From | To | OfFormat | Shaped | Marked | Hued
            )


def _known(either: Either) -> list[Alternative]:
    """The alternatives in the index: punctuation alone is ignored here, too."""
    return [atom for atom in either.atoms if _is_indexed(Term(atom))]


def _whole(atom: Atom) -> Atom:
    """Words that are excluded are whole ones: who wants no sea may want a season."""
    return replace(atom, is_quoted=True) if isinstance(atom, Words) else atom


def _is_token(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LN" or category in {"Co", "So"}


def _ranks(words: Sequence[Words]) -> list[str]:
    """Whole words before beginnings, in the title before tags before the rest.

    Whole words cost what a page costs; beginnings cost what all words with them have, and they
    are asked for only when a page is not full yet. Each set holds the ones before it, but for
    the first of beginnings, which need not hold whole words outside of title and tags.
    """
    whole = [_in(columns, [_phrase(word.text) for word in words]) for columns in _RANKED_COLUMNS]
    if all(word.is_quoted for word in words):
        return whole
    begun = [_in(columns, [_words(word) for word in words]) for columns in _RANKED_COLUMNS[1:]]
    return whole + begun


def _combined(required: Iterable[str], excluded: Sequence[str]) -> str:
    text = " AND ".join(f"({part})" for part in required)
    if not excluded:
        return text
    return f"({text}) NOT ({' OR '.join(f'({part})' for part in excluded)})"


def _expression(atom: Atom, viewer: Viewer) -> str:
    match atom:
        case Words():
            return _in(_COLUMNS[atom.field], [_words(atom)])
        case Tags():
            return _in("labels", [_phrase(f"{_EDGE}{tag}{_EDGE}") for tag in atom.tags])
        case Dated():
            return _in("keys", _day_keys(atom.day))
        case Either():
            parts = (_expression(alternative, viewer) for alternative in _known(atom))
            return " OR ".join(f"({part})" for part in parts)
        case Marked():
            return _marked(atom, viewer)
        case _:
            return _keys(_some_keys(atom))


def _some_keys(atom: Atom) -> list[str]:
    """Keys that an image has one of."""
    match atom:
        case From():
            keys = _cover(atom.day.first, date.max)
        case To():
            keys = _cover(date.min, atom.day.last)
        case OfFormat():
            keys = [f"f{atom.format}"]
        case Shaped():
            keys = [f"s{atom.shape}"]
        case Hued():
            keys = [f"h{atom.hue}"]
        case Colored():
            keys = [f"k{cell}" for cell in near_cells(lab(atom.rgb))]
        case _:
            raise TypeError(atom)
    return keys


def _marked(atom: Marked, viewer: Viewer) -> str:
    """Own images with a mark: those of others are not shown."""
    mark = _keys([f"is{atom.mark}"])
    if viewer.sees_all:
        return mark
    return (
        _NOTHING if viewer.owner_id is None else f"{mark} AND {_keys([f'o{viewer.owner_id.hex}'])}"
    )


def _in(columns: str, parts: Iterable[str]) -> str:
    return f"{{{columns}}} : ({' AND '.join(parts)})"


def _keys(names: Sequence[str]) -> str:
    """One of these keys."""
    return f"keys : ({' OR '.join(map(_phrase, names))})" if names else _NOTHING


def _words(words: Words) -> str:
    phrase = _phrase(words.text)
    return phrase if words.is_quoted else f"{phrase} *"


def _phrase(text: str) -> str:
    plain = text.replace('"', " ").replace("\0", " ")
    return f'"{plain.encode(errors="replace").decode()}"'


def _hidden_from(viewer: Viewer) -> list[str]:
    """The part that the index leaves out, so that hidden images cost no time and have no rank.

    Hidden images are fewer than public ones, and FTS5 skips the shorter list faster.
    """
    if viewer.sees_all:
        return []
    hidden = _keys([f"v{Visibility.UNLISTED}", f"v{Visibility.PRIVATE}"])
    if viewer.owner_id is None:
        return [hidden]
    return [f"({hidden}) NOT ({_keys([f'o{viewer.owner_id.hex}'])})"]


def _filters(wanted: ImageFilter) -> list[str]:
    required = []
    if wanted.owner_id is not None:
        required.append(_keys([f"o{wanted.owner_id.hex}"]))
    if wanted.visibility is not None:
        required.append(_keys([f"v{wanted.visibility}"]))
    return required


def _anyone() -> str:
    return _keys([f"v{visibility}" for visibility in Visibility])


def _day_keys(day: Day) -> list[str]:
    """Keys that a date has all of."""
    if day.year is not None and day.month is not None:
        whole = f"{day.year:04}{day.month:02}"
        return [_phrase(f"m{whole}" if day.day is None else f"d{whole}{day.day:02}")]
    parts = ((day.year, "y", 4), (day.month, "n", 2), (day.day, "x", 2))
    return [_phrase(f"{key}{part:0{width}}") for part, key, width in parts if part is not None]


def _time_range(atoms: Sequence[Atom]) -> list[str]:
    first = [atom.day.first for atom in atoms if isinstance(atom, From)]
    last = [atom.day.last for atom in atoms if isinstance(atom, To)]
    if not first and not last:
        return []
    return [_keys(_cover(max(first, default=date.min), min(last, default=date.max)))]


def _cover(first: date, last: date) -> list[str]:
    """Keys that together have exactly the days from `first` to `last`, the longest spans first."""
    keys: list[str] = []
    at: date | None = first
    while at is not None and at <= last:
        key, end = next((key, end) for key, start, end in _spans(at) if start == at and end <= last)
        keys.append(key)
        at = None if end == date.max else end + timedelta(days=1)
    return keys


def _spans(day: date) -> Iterable[tuple[str, date, date]]:
    """The century, decade, year, month and day of a date."""
    for key, years in (("c", 100), ("e", 10), ("y", 1)):
        year = day.year // years * years
        digits = f"{day.year:04}"[: 5 - len(str(years))]
        yield f"{key}{digits}", date(max(year, 1), 1, 1), date(year + years - 1, 12, 31)
    final = calendar.monthrange(day.year, day.month)[1]
    yield f"m{day.year:04}{day:%m}", day.replace(day=1), day.replace(day=final)
    yield f"d{day.year:04}{day:%m%d}", day, day
