"""How often passwords may be tried: by name and address, by address, and loosely by name.

A stranger at one address can try few passwords for any name, and strangers at many addresses not
very many for one name. Neither keeps the user out: where the right password or a refresh token was
brought before, only the tries for this name from this address count.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Protocol

from imagesvc.auth.rates.buckets import MAX_KEYS, Buckets, Rate, RateLimitState

NAME_FACTOR = 10
"""How many times as often one name may be tried from all unknown addresses together."""
MAX_NAME = 64


class LoginTries(Protocol):
    """The buckets of log-ins, and the addresses that users are known from."""

    async def take(self, name: str, address: str) -> RateLimitState:
        """Count a try; the state of what refuses it, or that of the name at the address."""
        ...

    async def remember(self, name: str, address: str) -> None:
        """Remember that the user has come from this address."""
        ...


class LoginLimits:
    """See `LoginTries`: those of this process."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._pairs = Buckets(rate, clock=clock)
        self._addresses = Buckets(rate, clock=clock)
        self._names = Buckets(loose(rate), clock=clock)
        self._known: OrderedDict[str, None] = OrderedDict()

    async def take(self, name: str, address: str) -> RateLimitState:
        """See `LoginTries`."""
        first, *others = self._counted(name, address)
        return next((it for it in others if it.retry_seconds is not None), first)

    async def remember(self, name: str, address: str) -> None:
        """See `LoginTries`."""
        key = pair(name, address)
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > MAX_KEYS:
            self._known.popitem(last=False)

    def _counted(self, name: str, address: str) -> Iterator[RateLimitState]:
        """Take from one bucket after the other, up to the first that is empty."""
        of_pair = pair(name, address)
        takes = [(self._pairs, of_pair)]
        if of_pair not in self._known:
            takes += [(self._addresses, address), (self._names, folded(name))]
        for buckets, key in takes:
            state = buckets.take(key)
            yield state
            if state.retry_seconds is not None:
                return


def loose(rate: Rate) -> Rate:
    """The rate for one name from all unknown addresses together."""
    return Rate(NAME_FACTOR * rate.per_second, NAME_FACTOR * rate.burst)


def pair(name: str, address: str) -> str:
    """The key of a name at an address."""
    return f"{address} {folded(name)}"


def folded(name: str) -> str:
    """The key of a name."""
    return name.casefold()[:MAX_NAME]
