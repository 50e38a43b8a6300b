"""Expressions in the language of SQLite's FTS5, over the columns that migration 0004 describes.

Text of a user is between double quotes, where FTS5 has no operators.

Source: https://www.sqlite.org/fts5.html, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable

from imagesvc.store.search.fulltext.expressions import (
    AllOf,
    AnyOf,
    Expression,
    In,
    Keyed,
    Labelled,
    Phrase,
    Without,
)

_EDGE = "\ue001"
"""Before and after a whole tag: the tokenizer takes it for a letter."""
_NOTHING = 'keys : "none"'


def written(expression: Expression) -> str:
    """The operand of MATCH."""
    match expression:
        case In():
            columns = " ".join(expression.places)
            return f"{{{columns}}} : ({' AND '.join(map(_phrase, expression.phrases))})"
        case Labelled():
            labels = (_quoted(f"{_EDGE}{tag}{_EDGE}") for tag in expression.tags)
            return f"{{labels}} : ({' AND '.join(labels)})"
        case Keyed():
            keys = " OR ".join(map(_quoted, expression.keys))
            return f"keys : ({keys})" if keys else _NOTHING
        case AllOf():
            return _joined(" AND ", expression.parts)
        case AnyOf():
            return _joined(" OR ", expression.parts)
        case Without():
            return f"({written(expression.wanted)}) NOT ({written(expression.excluded)})"


def _joined(operator: str, parts: Iterable[Expression]) -> str:
    return operator.join(f"({written(part)})" for part in parts)


def _phrase(phrase: Phrase) -> str:
    return f"{_quoted(phrase.text)} *" if phrase.is_begun else _quoted(phrase.text)


def _quoted(text: str) -> str:
    plain = text.replace('"', " ").replace("\0", " ")
    return f'"{plain.encode(errors="replace").decode()}"'
