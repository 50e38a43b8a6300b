"""Expressions in the language of PostgreSQL's tsquery, over the lexemes that `search.sql` makes.

Source: https://www.postgresql.org/docs/current/datatype-textsearch.html, section 8.11.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imagesvc.store.search.fulltext.expressions import (
    AllOf,
    AnyOf,
    Expression,
    In,
    Keyed,
    Labelled,
    Phrase,
    Place,
    Without,
)
from imagesvc.store.search.fulltext.words import words_of

_WEIGHTS = {
    Place.TITLE: "A",
    Place.TAGS: "B",
    Place.DESCRIPTION: "C",
    Place.FILENAME: "D",
}
_NOTHING = "'k:none'"


def written(expression: Expression) -> str:
    """The text of a tsquery."""
    match expression:
        case In():
            return _joined(
                "&", (_phrase(phrase, expression.places) for phrase in expression.phrases)
            )
        case Labelled():
            return _joined("&", (f"'t:{' '.join(words_of(tag))}'" for tag in expression.tags))
        case Keyed():
            return _joined("|", (f"'k:{key}'" for key in expression.keys)) or _NOTHING
        case AllOf():
            return _joined("&", map(written, expression.parts))
        case AnyOf():
            return _joined("|", map(written, expression.parts))
        case Without():
            return f"({written(expression.wanted)}) & !({written(expression.excluded)})"


def _joined(operator: str, parts: Iterable[str]) -> str:
    return f" {operator} ".join(f"({part})" for part in parts)


def _phrase(phrase: Phrase, places: Sequence[Place]) -> str:
    prefix = "c:" if places == (Place.CAMERA,) else ""
    weights = "".join(_WEIGHTS.get(place, "") for place in places)
    words = [f"'{prefix}{word}':{weights}" for word in words_of(phrase.text)]
    if not words:
        return _NOTHING
    if phrase.is_begun:
        words[-1] += "*"
    return " <-> ".join(word.removesuffix(":") for word in words)
