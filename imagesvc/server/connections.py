"""All connections of a server: their limits, and a check of each once a second."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from imagesvc.server import allocator

log = structlog.get_logger()

LOOK_SECONDS = 1.0
MANY = 100
"""The number of ended connections after which their memory is returned to the system."""
GIVE_BACK_LOOKS = frozenset({1, 4, 16})
"""Checks after which memory is returned."""
CheckSpeed = Callable[[float], None]
"""Ends a connection if its client is too slow at this time of the event loop."""


@dataclass(slots=True)
class Watch:
    """Checks every connection of a server once a second, while there are any."""

    connections: dict[CheckSpeed, str | None] = field(default_factory=dict)
    """Each with the counted form of its client's address; None for a trusted proxy."""
    per_address: Counter[str] = field(default_factory=Counter)
    untold: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Refused connections since the last check, which logs them, by setting and address."""
    is_looking: bool = False
    most: int = 0
    """The maximum of concurrent connections since many ended."""
    looks_since: int | None = None
    """Checks since many ended; None when their memory has been returned."""

    def add(
        self, check_speed: CheckSpeed, address: str | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Watch a connection from now on."""
        self.connections[check_speed] = address
        self.most = max(self.most, len(self.connections))
        if address is not None:
            self.per_address[address] += 1
        if not self.is_looking:
            self.is_looking = True
            loop.call_later(LOOK_SECONDS, self._look, loop)

    def remove(self, check_speed: CheckSpeed) -> None:
        """Remove a closed connection."""
        address = self.connections.pop(check_speed)
        if address is not None:
            self.per_address[address] -= 1
            if not self.per_address[address]:
                del self.per_address[address]

    def refuse(self, limit: str, client: tuple[str, int] | None) -> None:
        """Record that a connection was refused by a limit."""
        self.untold[limit, client[0] if client else None] += 1

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        for check_speed in list(self.connections):
            check_speed(loop.time())
        self._log_refused()
        self._return_memory()
        self.is_looking = bool(self.connections) or self.looks_since is not None
        if self.is_looking:
            loop.call_later(LOOK_SECONDS, self._look, loop)

    def _log_refused(self) -> None:
        """Log one line for each limit, with the address that exceeded it most often."""
        for limit in {limit for limit, _client in self.untold}:
            found = Counter({who: n for (which, who), n in self.untold.items() if which == limit})
            log.warning(
                "too many connections",
                action="connections.full",
                limit=limit,
                count=found.total(),
                client=found.most_common(1)[0][0],
            )
        self.untold.clear()

    def _return_memory(self) -> None:
        """Return the memory of many connections some time after they ended: their tasks end later.

        The delay depends on the load of the machine, so this is done more than once.
        """
        if self.most - len(self.connections) >= MANY:
            self.most = len(self.connections)
            self.looks_since = 0
        elif self.looks_since is not None:
            self.looks_since += 1
            if self.looks_since in GIVE_BACK_LOOKS:
                allocator.give_back()
            if self.looks_since >= max(GIVE_BACK_LOOKS):
                self.looks_since = None
