"""The limits of log-ins where several nodes share a database: one limit, however many nodes."""

from __future__ import annotations

import time
from hashlib import sha256

from imagesvc.auth.rates.buckets import Rate, RateLimitState, refused, taken
from imagesvc.auth.rates.login_limits import folded, loose, pair
from imagesvc.store.sessions.tries import Bucket, LogInTries, Taken

PRUNE_SECONDS = 60.0


class SharedLoginLimits:
    """See `LoginLimits`; the database has digests of names and addresses."""

    def __init__(self, rate: Rate, tries: LogInTries) -> None:
        self._rate = rate
        self._loose = loose(rate)
        self._tries = tries
        self._pruned_at = time.monotonic()

    async def take(self, name: str, address: str) -> RateLimitState:
        """See `LoginTries`."""
        await self._prune()
        of_pair = _bucket("pair", pair(name, address), self._rate)
        others = (
            _bucket("address", address, self._rate), _bucket("name", folded(name), self._loose)
        )  # fmt: skip
        first, *rest = await self._tries.take(of_pair.key, of_pair, others)
        rates = (self._rate, self._loose)
        for found, rate in zip(rest, rates, strict=False):
            if found.is_refused:
                return _state(rate, found)
        return _state(self._rate, first)

    async def remember(self, name: str, address: str) -> None:
        """See `LoginTries`."""
        await self._tries.remember(_bucket("pair", pair(name, address), self._rate).key)

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            await self._tries.prune()


def _bucket(kind: str, text: str, rate: Rate) -> Bucket:
    key = sha256(f"{kind} {text}".encode("utf-8", "surrogatepass")).digest()
    return Bucket(key, 1 / rate.per_second, rate.burst)


def _state(rate: Rate, found: Taken) -> RateLimitState:
    return (refused if found.is_refused else taken)(rate, found.full_in)
