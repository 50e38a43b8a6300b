"""Variants that are asked for once: what is asked for again comes from a cache."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from benchmarks.limits import Render

_QUALITIES = range(70, 91)
_SIGMAS = range(1000, 1101)  # hundredths


class ExhaustedError(RuntimeError):
    """More variants are wanted than there are."""


class Variants:
    """Variants of one photo; each is given once, over all rounds and warmups of all rows."""

    def __init__(self, renders: Iterable[Render]) -> None:
        listed = list(renders)
        if len(set(listed)) != len(listed):
            raise ValueError("two of these variants are the same")
        random.Random(400).shuffle(listed)
        self._left = iter(listed)

    @classmethod
    def resized(
        cls,
        photo: Path,
        width: int = 400,
        *,
        suffix: str = ".jpg",
        blur: float = 0.0,
        is_animated: bool = False,
    ) -> Variants:
        """Widths within a quarter of this one, and qualities around 80."""
        return cls(
            Render(
                str(photo),
                wide,
                quality=quality,
                suffix=suffix,
                blur=blur,
                is_animated=is_animated,
            )
            for wide in range(width - width // 4, width + width // 4 + 1)
            for quality in _QUALITIES
        )

    @classmethod
    def blurred(cls, photo: Path) -> Variants:
        """The photo in full size, with sigmas from 10 to 11 and qualities around 80."""
        return cls(
            Render(str(photo), 0, quality=quality, blur=sigma / 100)
            for sigma in _SIGMAS
            for quality in _QUALITIES
        )

    def take(self, count: int) -> list[Render]:
        """The next ones.

        Raises:
            ExhaustedError: fewer are left.
        """
        taken = list(islice(self._left, count))
        if len(taken) < count:
            raise ExhaustedError(f"{count} variants are wanted, and {len(taken)} are left")
        return taken
