"""Changes of images on all nodes: each forgets them before the one that made them answers.

A node notes in its row up to which change it has forgotten, and takes a lease with it. Who changes
an image waits for every node until it has noted the change, or its lease has lapsed. A node whose
lease has lapsed does not answer from memory.

The lease in the row is of PostgreSQL's clock, and begins later than the node's own, which is of its
monotonic clock: it ends later, too. No clocks of two machines are compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, text

from imagesvc.cancellation import end
from imagesvc.errors import OutcomeUnknown, Unavailable
from imagesvc.model.ids import ImageId
from imagesvc.store.db.lease import Forget
from imagesvc.store.db.postgres.listening import Connected, Said, listen

T = TypeVar("T")

LEASE_SECONDS = 2.0
RENEW_SECONDS = 0.5
PRUNE_SECONDS = 60.0
AT_ONCE = 1000
FIRST_LOOK_SECONDS, MAX_LOOK_SECONDS = 0.002, 0.05
"""Between two looks whether all nodes have noted a change."""

_RENEW = (
    "UPDATE nodes SET seen = %s, lease_until = clock_timestamp() + make_interval(secs => %s) "
    "WHERE id = %s"
)
_JOIN = (
    "INSERT INTO nodes (id, seen, lease_until) "
    "SELECT %s, coalesce(max(id), 0), clock_timestamp() + make_interval(secs => %s) "
    "FROM image_changes RETURNING seen"
)
_SINCE = "SELECT id, image_id FROM image_changes WHERE id > %s ORDER BY id LIMIT %s"
_PRUNE = (
    "DELETE FROM nodes WHERE lease_until < clock_timestamp() - interval '10 min'",
    "DELETE FROM image_changes WHERE id < (SELECT min(seen) FROM nodes)",
)
"""The newest change stays, so that a node that joins begins there."""
_NOTED = "SELECT seen FROM nodes WHERE id = %s"
_LEAVE = "DELETE FROM nodes WHERE id = %s"
_CHANGE = text("SELECT nullif(current_setting('imagesvc.change', true), '')::bigint")
_IS_AWAITED = text(
    "SELECT EXISTS (SELECT FROM nodes WHERE id <> :me AND seen < :change "
    "AND lease_until > clock_timestamp())"
)


def change_of(connection: Connection) -> int | None:
    """The last change of an image that the current transaction has noted."""
    change: int | None = connection.scalar(_CHANGE)
    return change


class Changes:
    """Follows the changes of all nodes from `start()` to `stop()`; it is this node's lease."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the options of the connection, as psycopg has them."""
        self._options = options
        self._id = uuid4()
        self._seen: int | None = None
        self._made = 0
        """The last change of this node."""
        self._until = 0.0
        self._pruned_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_lapsed(self) -> bool:
        """See `Lease`."""
        return time.monotonic() >= self._until

    def start(self, forget: Forget) -> None:
        """Follow them from now on; the first thing to forget is everything."""
        self._task = asyncio.create_task(self._run(forget))

    async def stop(self) -> None:
        """End, so that nobody waits for this node."""
        self._until = 0.0
        if self._task is not None:
            await end(self._task)

    async def noted_by_all(
        self, change: int, read: Callable[[Callable[[Connection], T]], Awaitable[T]]
    ) -> None:
        """Wait until no other node answers with what was before a change.

        Raises:
            OutcomeUnknown: PostgreSQL was lost meanwhile.
        """

        def is_awaited(connection: Connection) -> Any:
            return connection.scalar(_IS_AWAITED, {"me": self._id, "change": change})

        self._made = max(self._made, change)
        pause = FIRST_LOOK_SECONDS
        try:
            while await read(is_awaited):
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_LOOK_SECONDS)
        except Unavailable as error:
            raise OutcomeUnknown(
                "The database was lost after the change: other servers may not know it yet."
            ) from error

    async def _run(self, forget: Forget) -> None:
        await listen(
            self._options,
            "imagesvc_changes",
            lambda connection: self._follow(connection, forget),
            lost=Said("changes of other nodes are not followed", "changes.lost"),
            again=Said("changes are followed again", "changes.followed"),
        )

    async def _follow(self, connection: Connected, forget: Forget) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                await self._begin_anew_if_lost(connection)
            while True:
                async with asyncio.timeout(LEASE_SECONDS):
                    while await self._catch_up(connection, forget):
                        pass
                    await self._prune(connection)
                yield
                async for _ in connection.notifies(timeout=RENEW_SECONDS, stop_after=1):
                    pass
        except asyncio.CancelledError:
            async with asyncio.timeout(LEASE_SECONDS):  # after which nobody waits for it
                await connection.execute(_LEAVE, (self._id,))
            raise

    async def _begin_anew_if_lost(self, connection: Connected) -> None:
        """Leave if the database lacks changes that it had: then what is in memory may be of them.

        A standby that was promoted lacks the last ones, and gives their numbers to others. It then
        lacks what this node has noted after them, too.
        """
        found = await (await connection.execute(_NOTED, (self._id,))).fetchone()
        if found is not None and found[0] < max(self._seen or 0, self._made):
            self._until = 0.0
            self._seen, self._made = None, 0
            await connection.execute(_LEAVE, (self._id,))

    async def _catch_up(self, connection: Connected, forget: Forget) -> bool:
        """Renew the lease, and forget what has changed; returns whether anything had."""
        began = time.monotonic()
        renewed = await connection.execute(_RENEW, (self._seen, LEASE_SECONDS, self._id))
        if self._seen is None or not renewed.rowcount:
            self._seen = await _first(connection, _JOIN, (self._id, LEASE_SECONDS))
            forget(None)  # after the row is there: who changes something now waits for this node
        found = await connection.execute(_SINCE, (self._seen, AT_ONCE))
        rows = await found.fetchall()
        if rows:
            forget(list({ImageId(row[1]) for row in rows}))
            self._seen = rows[-1][0]
        if len(rows) < AT_ONCE:
            self._until = began + LEASE_SECONDS
        return bool(rows)

    async def _prune(self, connection: Connected) -> None:
        """Remove nodes that are gone, and changes that all others have noted."""
        if time.monotonic() - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            for statement in _PRUNE:
                await connection.execute(statement)


async def _first(connection: Connected, statement: str, values: tuple[object, ...]) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has a row
    seen: int = row[0]
    return seen
