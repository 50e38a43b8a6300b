"""How long what a node keeps in memory is known to be current."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from imagesvc.model.ids import ImageId

Forget = Callable[[Sequence[ImageId] | None], None]
"""Drops what is kept of some images; of all, if it is None."""


class Lease(Protocol):
    """The promise that others wait for this node before they answer a change."""

    @property
    def is_lapsed(self) -> bool:
        """Whether rows may have changed without this node's knowledge."""
        ...
