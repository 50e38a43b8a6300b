"""The public keys of an identity provider (RFC 7517), fetched again from a file or a URL."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from imagesvc.errors import InvalidToken, Unavailable

log = structlog.get_logger()

FETCH_SECONDS = 5.0
MAX_BYTES = 256 << 10
RETRY_SECONDS = 60.0
"""The minimum time between two fetches, so that invented key ids cause no traffic."""
FRESH_SECONDS = 3600.0
"""The age at which keys are fetched again, so that a withdrawn key stops working."""
ALGORITHM_OF = {"RSA": "RS256", "EC": "ES256"}


Fetch = Callable[[str, str, int], Awaitable[bytes]]
"""Gets the body at a URL, of this media type and of this size at most; `Outbound.get` does."""


@dataclass(slots=True)
class KeySet:
    """The keys at a URL or in a file, by their id."""

    source: str
    fetch: Fetch
    clock: Callable[[], float] = time.monotonic
    _keys: Mapping[str | None, tuple[str, Any]] = field(default_factory=dict)
    _tried_at: float | None = None
    _read_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, key_id: str | None) -> tuple[str, Any]:
        """The algorithm and key with this id; without an id, the only one of the set.

        Raises:
            InvalidToken: there is no such key.
            Unavailable: no keys have been fetched yet.
        """
        if self._may_fetch(key_id):
            async with self._lock:
                if self._may_fetch(key_id):
                    await self._refresh()
        if self._read_at is None:
            raise Unavailable("The keys of the identity provider are not available now.")
        found = self._found(key_id)
        if found is None:
            raise InvalidToken("The access token is not valid.")
        return found

    def _found(self, key_id: str | None) -> tuple[str, Any] | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _may_fetch(self, key_id: str | None) -> bool:
        now = self.clock()
        is_fresh = self._read_at is not None and now - self._read_at < FRESH_SECONDS
        if is_fresh and self._found(key_id) is not None:
            return False
        return self._tried_at is None or now - self._tried_at >= RETRY_SECONDS

    async def _refresh(self) -> None:
        """Read the keys again; on failure the known keys are kept."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                body = await self._body()
            self._keys = await asyncio.to_thread(read_keys, body)
        except Exception as error:  # noqa: BLE001  # whatever goes wrong there is not our bug
            log.warning("no keys of the identity provider", action="jwks.failed", error=repr(error))
        else:
            self._read_at = self.clock()
        self._tried_at = self.clock()  # after the fetch, since concurrent requests wait for it

    async def _body(self) -> bytes:
        if "://" not in self.source:
            return await asyncio.to_thread(Path(self.source).read_bytes)
        return await self.fetch(self.source, "application/json", MAX_BYTES)


def read_keys(body: bytes) -> dict[str | None, tuple[str, Any]]:
    """The usable keys of a set, each with its one algorithm.

    Raises:
        ValueError: it is not a set of keys, or none of them is usable.
    """
    from jwt import PyJWK, PyJWTError  # noqa: PLC0415

    found: dict[str | None, tuple[str, Any]] = {}
    for item in json.loads(body)["keys"]:
        algorithm = ALGORITHM_OF.get(item.get("kty"))
        is_usable = (
            algorithm is not None
            and item.get("alg", algorithm) == algorithm
            and item.get("use", "sig") == "sig"
            and item.get("crv", "P-256") == "P-256"
        )
        if not is_usable:
            continue
        public = {name: value for name, value in item.items() if name not in {"d", "p", "q"}}
        try:
            found[item.get("kid")] = (str(algorithm), PyJWK(public, algorithm).key)
        except PyJWTError as error:
            log.warning("a key is damaged", action="jwks.key_refused", error=str(error))
    if not found:
        raise ValueError("there is no RS256 or ES256 key in it")
    return found
