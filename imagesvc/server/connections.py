"""All connections of a server: how many there may be, and a look at each once a second."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from imagesvc.server import allocator

log = structlog.get_logger()

LOOK_SECONDS = 1.0
MANY = 100
"""Connections that must end before their memory is given back to the system."""
GIVE_BACK_LOOKS = frozenset({1, 4, 16})
"""Looks after which it is given back."""


class Connection(Protocol):
    """What the watch needs of a connection."""

    address: str | None
    """What its client's address counts as; None for a trusted proxy's."""
    loop: asyncio.AbstractEventLoop

    def look_after(self, now: float) -> None:
        """End the connection if its client is too slow."""
        ...


@dataclass(slots=True)
class Watch:
    """Looks at every connection of a server once a second, as long as there are any."""

    connections: set[Connection] = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Connections refused, by the setting that limits them."""
    untold: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Those since the last look, which logs them, by setting and address."""
    is_looking: bool = False
    most: int = 0
    """Connections at once, at most, since many ended."""
    looks_since: int | None = None
    """Looks since many ended; None when their memory has been given back."""

    def add(self, connection: Connection) -> None:
        """Look after a connection from now on."""
        self.connections.add(connection)
        self.most = max(self.most, len(self.connections))
        if connection.address is not None:
            self.per_address[connection.address] += 1
        if not self.is_looking:
            self.is_looking = True
            connection.loop.call_later(LOOK_SECONDS, self._look, connection.loop)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is no more."""
        self.connections.discard(connection)
        if connection.address is not None:
            self.per_address[connection.address] -= 1
            if not self.per_address[connection.address]:
                del self.per_address[connection.address]

    def refuse(self, limit: str, client: tuple[str, int] | None) -> None:
        """Note that a connection is refused for a limit."""
        self.refused[limit] += 1
        self.untold[limit, client[0] if client else None] += 1

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        for connection in list(self.connections):
            connection.look_after(loop.time())
        self._log_refused()
        self._give_back_memory()
        self.is_looking = bool(self.connections) or self.looks_since is not None
        if self.is_looking:
            loop.call_later(LOOK_SECONDS, self._look, loop)

    def _log_refused(self) -> None:
        """One line for each limit, which names the address that met it most often."""
        for limit in {limit for limit, _client in self.untold}:
            found = Counter({who: n for (which, who), n in self.untold.items() if which == limit})
            log.warning(
                "too many connections",
                action="connection.refused",
                limit=limit,
                count=found.total(),
                client=found.most_common(1)[0][0],
            )
        self.untold.clear()

    def _give_back_memory(self) -> None:
        """Give back what many connections held, some time after they ended: their tasks end later.

        How much later depends on what else the machine does, so this is done more than once.
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
