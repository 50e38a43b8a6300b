"""Parameters that other programs append to image URLs: campaigns, click ids, cache busters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Pairs = Sequence[tuple[str, str]]


class Appended:
    """Separates ignored parameters from those with a meaning.

    Args:
        patterns: their names; a `*` at the end stands for any characters.
        known: names that have a meaning here, which no pattern overrides.
    """

    def __init__(self, patterns: Iterable[str] = (), known: Iterable[str] = ()) -> None:
        patterns = tuple(patterns)
        self._names = frozenset(patterns)
        self._beginnings = tuple(name[:-1] for name in patterns if name.endswith("*"))
        self._known = frozenset(known)
        beginnings = (f"{re.escape(beginning)}[^=&]*" for beginning in self._beginnings)
        names = "|".join([*map(re.escape, self._names), *beginnings])
        self._in_query = re.compile(f"(?:^|&)(?:{names})(?:[=&]|$)")

    def __contains__(self, name: str) -> bool:
        if name in self._known:
            return False
        return name in self._names or name.startswith(self._beginnings)

    def without(self, pairs: Pairs) -> list[tuple[str, str]]:
        """The parameters that are not ignored."""
        return [pair for pair in pairs if pair[0] not in self]

    def cleaned(self, query: bytes) -> bytes:
        """A query without its ignored parameters, if these are written without percent-encoding."""
        if self._in_query.search(query.decode("latin-1")) is None:
            return query
        parts = query.split(b"&")
        kept = [part for part in parts if part.partition(b"=")[0].decode("latin-1") not in self]
        return query if len(kept) == len(parts) else b"&".join(kept)
