"""Which images are deleted for good.

The condition is checked again in the transaction that deletes an image: it may have been restored
meanwhile, or have been given more time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InTrash:
    """Images in the trash."""

    before: datetime | None = None
    """Those that were put there at this time or earlier; None: all."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Images whose `expires_at` is this time or earlier."""

    now: datetime


Condition = InTrash | Expired
