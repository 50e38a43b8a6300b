"""Which images are deleted for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InTrash:
    """Images in the trash.

    The condition is checked again in the transaction that deletes an image: it may have been
    restored meanwhile.
    """

    before: datetime | None = None
    """Those that were put there at this time or earlier; None: all."""
