"""Passwords as argon2id, hashed in few threads, without revealing which names exist."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from imagesvc.errors import Overloaded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

THREADS = 2
"""Concurrent hashes: each takes 64 MiB and some 50 ms of a core."""
MAX_WAITING = 64


class Passwords:
    """Makes and checks hashes with the parameters of RFC 9106, section 4, the second choice."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "imagesvc-password")
        self._hasher: PasswordHasher | None = None
        self._nobodys = ""
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store, with its salt and parameters.

        Raises:
            Overloaded: too many passwords wait.
        """
        return await self._run(self._hash, password)

    async def is_right(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is correct; as slow when there is no hash to check.

        Raises:
            Overloaded: too many passwords wait.
        """
        is_match = await self._run(self._verify, password_hash, password)
        return is_match and password_hash is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def _run(self, work: Callable[..., T], *arguments: str | None) -> T:
        if self._waiting >= MAX_WAITING:
            raise Overloaded("Too many passwords wait to be checked.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._prepared().hash(password)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

        hasher = self._prepared()
        try:
            return hasher.verify(password_hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False

    def _prepared(self) -> PasswordHasher:
        """The library, loaded by the first password, and a hash for those without one."""
        if self._hasher is None:
            from argon2 import PasswordHasher  # noqa: PLC0415

            hasher = PasswordHasher()
            self._nobodys = dummy_hash(hasher)
            self._hasher = hasher
        return self._hasher


def dummy_hash(hasher: PasswordHasher) -> str:
    """A hash of no password, which takes as long to verify as those of the hasher.

    Its salt and its digest are random, so that none has to be computed.
    """
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
        for size in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${costs}${salt}${digest}"
