"""Host name look-ups in a limited number of dedicated threads.

`getaddrinfo` blocks, and a name server that never answers blocks its thread until the system's
resolver times out: it cannot be cancelled. In the event loop's default executor a few such names
would block all other work.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address

from imagesvc.errors import Overloaded, SourceUnavailable
from imagesvc.model.ids import UserId
from imagesvc.outbound.addresses import Address

MAX_AT_ONCE = 16
MAX_OF_ONE = 4
"""Look-ups of one user, so that threads remain for other users."""
SECONDS = 5.0
"""The time-out of a look-up; its thread counts until it has ended."""
MAX_ADDRESSES = 32
"""Addresses of one host; connections to more would not be tried."""
STUCK = "Too many host names do not resolve; try again later."
UNKNOWN = "The host of the URL cannot be looked up now."


Lookup = asyncio.Future[Sequence[Address]]


Resolver = Callable[[str, int], Sequence[Address]]
"""Finds every address of a host at a port. It blocks, and it may never return.

It raises SourceUnavailable when name resolution does not work now.
"""


def system_addresses(host: str, port: int) -> list[Address]:
    """The addresses from the system's resolver; see `Resolver`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise SourceUnavailable(UNKNOWN) from error
        return []
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


class Lookups:
    """Looks host names up for users; requests without a user count as one user."""

    def __init__(self, resolver: Resolver = system_addresses, *, seconds: float = SECONDS) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._running: dict[Lookup, UserId | None] = {}
        self._ended = asyncio.Event()

    @property
    def running(self) -> int:
        """Threads in a look-up."""
        return len(self._running)

    @property
    def stuck(self) -> int:
        """Threads whose look-up has timed out."""
        return sum(lookup.cancelled() for lookup in self._running)

    async def addresses(
        self, host: str, port: int, owner_id: UserId | None = None
    ) -> Sequence[Address]:
        """The addresses of a host, in the system's order of preference; empty if it has none.

        Raises:
            SourceUnavailable: name resolution does not work now, or takes too long.
            Overloaded: too many look-ups hang, of this user or in all.
        """
        try:
            async with asyncio.timeout(self._seconds):
                while not self._has_room(owner_id):
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            raise Overloaded(STUCK) from None
        try:
            async with asyncio.timeout(self._seconds):
                return (await self._start(host, port, owner_id))[:MAX_ADDRESSES]
        except TimeoutError:
            raise SourceUnavailable(UNKNOWN) from None

    def _has_room(self, owner_id: UserId | None) -> bool:
        """Whether a look-up may start now; a caller does not wait for hanging ones.

        Raises:
            Overloaded: all allowed look-ups hang.
        """
        most = MAX_AT_ONCE if owner_id is None else MAX_OF_ONE
        of_owner = [lookup for lookup, owner in self._running.items() if owner == owner_id]
        if sum(lookup.cancelled() for lookup in of_owner) >= most or self.stuck >= MAX_AT_ONCE:
            raise Overloaded(STUCK)
        return len(of_owner) < most and self.running < MAX_AT_ONCE

    def _start(self, host: str, port: int, owner_id: UserId | None) -> Lookup:
        loop = asyncio.get_running_loop()
        lookup: Lookup = loop.create_future()
        self._running[lookup] = owner_id

        def look_up() -> None:
            try:
                settle = partial(lookup.set_result, self._resolver(host, port))
            except Exception as error:  # noqa: BLE001  # it is raised where it is awaited
                settle = partial(lookup.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits
                loop.call_soon_threadsafe(self._end, lookup, settle)

        # A daemon, since a process that stops must not wait for a name server.
        threading.Thread(target=look_up, name="imagesvc-lookup", daemon=True).start()
        return lookup

    def _end(self, lookup: Lookup, settle: Callable[[], None]) -> None:
        del self._running[lookup]
        if not lookup.cancelled():
            settle()
        self._ended.set()
