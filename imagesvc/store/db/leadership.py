"""Which node does what only one of them may do: collect orphans, fan out events, scan sources."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Leadership:
    """That of the only node there is: it always leads."""

    @property
    def is_leader(self) -> bool:
        """Whether this node leads now."""
        return True

    async def elected(self) -> None:
        """Wait until this node leads."""

    async def while_leading(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; it is cancelled when this node leads no more.

        Raises:
            Unavailable: it leads no more.
        """
        return await work
