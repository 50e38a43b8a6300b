"""Damage to files, as from a fuzzer: each mutation is a value that hypothesis can shrink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 9, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
LARGE = (0x10000, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)
MOST_BYTES = 200_000
"""The maximum size of a mutated file, so that copies of copies stay small."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change.

    Positions are parts of the file's length in 65,536ths, so that they are always valid.
    """

    kind: str
    place: int
    size: int
    value: int
    order: Literal["big", "little"] = "big"

    def __call__(self, data: bytes) -> bytes:
        """The changed file."""
        at = self.place * len(data) >> 16
        return _CHANGES[self.kind](self, data, at)[:MOST_BYTES]


def _flip(mutation: Mutation, data: bytes, at: int) -> bytes:
    if not data:
        return data
    return data[:at] + bytes([data[at] ^ (mutation.value & 0xFF or 1)]) + data[at + 1 :]


def _number(mutation: Mutation, data: bytes, at: int) -> bytes:
    """Overwrite a possible length, offset or count."""
    width = (1, 2, 4, 8)[mutation.size & 3]
    value = mutation.value & ((1 << 8 * width) - 1)

    return data[:at] + value.to_bytes(width, mutation.order) + data[at + width :]


def _truncate(_mutation: Mutation, data: bytes, at: int) -> bytes:
    return data[:at]


def _remove(mutation: Mutation, data: bytes, at: int) -> bytes:
    return data[:at] + data[at + mutation.size :]


def _repeat(mutation: Mutation, data: bytes, at: int) -> bytes:
    """Copy a piece several times, as a chunk or a row of a table."""
    piece = data[at : at + mutation.size]
    return data[:at] + piece * (2 + mutation.value % 500) + data[at + mutation.size :]


def _move(mutation: Mutation, data: bytes, at: int) -> bytes:
    """Put a copy of a piece at another position."""
    other = mutation.value % (len(data) + 1)
    return data[:other] + data[at : at + mutation.size] + data[other:]


def _zero(mutation: Mutation, data: bytes, at: int) -> bytes:
    return data[:at] + bytes(mutation.size) + data[at + mutation.size :]


_CHANGES: dict[str, Callable[[Mutation, bytes, int], bytes]] = {
    "flip": _flip,
    "number": _number,
    "truncate": _truncate,
    "remove": _remove,
    "repeat": _repeat,
    "move": _move,
    "zero": _zero,
}

# Headers are where parsers look, so half of all places are in the first sixteenth of a file.
_places = st.one_of(st.integers(0, 0xFFF), st.integers(0, 0xFFFF))
mutations = st.builds(
    Mutation,
    st.sampled_from(sorted(_CHANGES)),
    _places,
    st.integers(0, 64),
    st.one_of(st.sampled_from(NUMBERS + LARGE), st.integers(0, (1 << 64) - 1)),
    st.sampled_from(("big", "little")),
)


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of the seeds after one to six changes."""
    changes = st.lists(mutations, min_size=1, max_size=6)
    return st.builds(_applied, st.sampled_from(seeds), changes)


def _applied(data: bytes, changes: list[Mutation]) -> bytes:
    for change in changes:
        data = change(data)
    return data
