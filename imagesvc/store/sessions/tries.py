"""Attempts to log in at all nodes of a PostgreSQL: buckets by key, and what users are known from.

A bucket is one instant, at which it is full again; see `imagesvc.auth.rates.buckets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from imagesvc.store.db.database import Database

MAX_ROWS = 50_000
"""Of each table."""

_TAKE = text("""
INSERT INTO log_in_tries AS kept (key, full_at)
VALUES (:key, clock_timestamp() + make_interval(secs => :spacing))
ON CONFLICT (key) DO UPDATE
SET full_at = greatest(kept.full_at, clock_timestamp()) + make_interval(secs => :spacing)
WHERE kept.full_at <= clock_timestamp() + make_interval(secs => :room)
RETURNING extract(epoch FROM full_at - clock_timestamp())::float8
""")
_FULL_IN = text("""
SELECT extract(epoch FROM full_at - clock_timestamp())::float8 FROM log_in_tries WHERE key = :key
""")
_IS_KNOWN = text("SELECT EXISTS (SELECT FROM known_log_ins WHERE key = :key)")
_REMEMBER = text("""
INSERT INTO known_log_ins (key, used_at) VALUES (:key, clock_timestamp())
ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at
""")
_PRUNE = (
    text("DELETE FROM log_in_tries WHERE full_at < clock_timestamp()"),
    text("""
    DELETE FROM log_in_tries WHERE key IN (
      SELECT key FROM log_in_tries ORDER BY full_at DESC OFFSET :most
    )
    """),
    text("""
    DELETE FROM known_log_ins WHERE key IN (
      SELECT key FROM known_log_ins ORDER BY used_at DESC OFFSET :most
    )
    """),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket to take a token from: seconds until one is added, and how many it holds."""

    key: bytes
    spacing: float
    burst: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What an attempt met: seconds until the bucket is full, with the token of the attempt."""

    full_in: float
    is_refused: bool


class LogInTries:
    """The attempts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, known_as: bytes, first: Bucket, others: Sequence[Bucket]
    ) -> tuple[Taken, ...]:
        """Take from one bucket after the other, up to the first that is empty.

        `others` count only for what is not `known_as`.
        """

        def work(connection: Connection) -> tuple[Taken, ...]:
            taken = [_take(connection, first)]
            if not connection.scalar(_IS_KNOWN, {"key": known_as}):
                for bucket in others:
                    if taken[-1].is_refused:
                        break
                    taken.append(_take(connection, bucket))
            return tuple(taken)

        return await self._database.write(work, wakes=False)

    async def remember(self, known_as: bytes) -> None:
        """Note that a user has logged in."""
        await self._database.write(
            lambda connection: connection.execute(_REMEMBER, {"key": known_as}), wakes=False
        )

    async def prune(self, most: int = MAX_ROWS) -> None:
        """Remove what is over, and what is more than `most` rows of each table."""

        def work(connection: Connection) -> None:
            first, *others = _PRUNE
            connection.execute(first)
            for statement in others:
                connection.execute(statement, {"most": most})

        await self._database.write(work, wakes=False)


def _take(connection: Connection, bucket: Bucket) -> Taken:
    # A little more is a rounding error of an exact fit.
    room = (bucket.burst - 1 + 1e-6) * bucket.spacing
    values = {"key": bucket.key, "spacing": bucket.spacing, "room": room}
    full_in = connection.scalar(_TAKE, values)
    if full_in is not None:
        return Taken(full_in, is_refused=False)
    before: float = connection.scalars(_FULL_IN, {"key": bucket.key}).one()
    return Taken(before + bucket.spacing, is_refused=True)
