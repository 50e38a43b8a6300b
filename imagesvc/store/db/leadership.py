"""Which node does what only one of them may do: collect orphans, fan out events, scan sources."""

from __future__ import annotations


class Leadership:
    """That of the only node there is: it always leads."""

    @property
    def is_leader(self) -> bool:
        """Whether this node leads now."""
        return True

    async def elected(self) -> None:
        """Wait until this node leads."""
