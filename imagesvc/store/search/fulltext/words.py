"""Words of texts as the full-text index has them, for databases that take no texts but words."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

MAX_LENGTH = 200
"""Longer words are cut off, as a lexeme of PostgreSQL has at most 2,046 bytes."""
_MARKS = re.compile("[\u0300-\u036f]")


def is_letter(char: str) -> bool:
    """Whether words have this character; all others are between words."""
    category = unicodedata.category(char)
    return category[0] in "LN" or category in {"Co", "So"}


def words_of(text: str) -> list[str]:
    """Its words in order, folded: without case and without diacritics."""
    folded = _MARKS.sub("", unicodedata.normalize("NFD", text)).lower()
    return [word[:MAX_LENGTH] for word in _pattern().findall(folded)]


@cache
def letters() -> str:
    """All letters, as the inside of a character class of a regular expression."""
    return "".join(
        chr(first) if first == last else f"{chr(first)}-{chr(last)}" for first, last in _ranges()
    )


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(f"[{letters()}]+")


def _ranges() -> Iterator[tuple[int, int]]:
    """First and last code points of each run of letters."""
    first: int | None = None
    for code in range(sys.maxunicode + 2):
        is_one = code <= sys.maxunicode and is_letter(chr(code))
        if is_one and first is None:
            first = code
        elif not is_one and first is not None:
            yield first, code - 1
            first = None
