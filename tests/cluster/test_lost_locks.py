"""The lock of the leader is lost while it does what only it may do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from imagesvc.errors import Unavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.election import TRY_ONCE
from imagesvc.store.db.postgres.move import no_server_on
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.cut_proxy import CutProxy, cut_proxy
from tests.postgres import USER, Postgres, started
from tests.radosgw import Radosgw
from tests.server import reserve_port
from tests.waiting import until

pytestmark = pytest.mark.cluster
END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE datname = current_database() AND locktype = 'advisory' AND granted "
    "AND pid <> pg_backend_pid()"
)
NO_LEADER = "This server leads no more; the one that leads now goes on."


def of_leader(statement: str) -> Callable[[Connection], bool]:
    """Run a statement about the lock."""
    return lambda connection: bool(connection.scalar(text(statement)))


@pytest.fixture(scope="module")
def distant() -> Iterator[CutProxy]:
    """The way to a PostgreSQL of this module."""
    with (
        reserve_port() as reserved,
        started(reserved.getsockname()[1]) as postgres,
        cut_proxy(postgres.port or 0) as proxy,
    ):
        yield proxy


@contextlib.asynccontextmanager
async def opened(port: int) -> AsyncIterator[PostgresDatabase]:
    """A database that needs no tables."""
    database = PostgresDatabase(f"postgresql://{USER}@127.0.0.1:{port}/postgres")
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.anyio
@pytest.mark.parametrize("is_silent", [False, True])
async def test_the_work_of_a_leader_ends_with_its_lead(
    distant: CutProxy, *, is_silent: bool
) -> None:
    """When its session ends, and when it cannot know whether it has."""
    async with opened(distant.port) as leader, opened(distant.target) as other:
        await leader.leadership.elected()
        working = asyncio.create_task(leader.leadership.while_leading(asyncio.Event().wait()))
        try:
            if is_silent:
                distant.hang()
            else:
                assert await other.read(of_leader(END))
            await other.leadership.elected()
            # It learns at once that its session has ended, and silence outlasts its lead.
            assert not (is_silent and leader.leadership.is_leader)
            with pytest.raises(Unavailable, match=NO_LEADER):
                await working
            assert not leader.leadership.is_leader
        finally:
            distant.heal()


def test_a_collection_ends_with_the_lead(nodes: Nodes, radosgw: Radosgw) -> None:
    """It goes on when the server leads again."""
    with cut_proxy(radosgw.port) as to_bucket:
        url = radosgw.new_url(endpoint=to_bucket.address)
        server = nodes.node(blob_url=url, gc_interval="1s", has_worker=False).start()
        until(lambda: server.lines(action="gc.done"))
        to_bucket.hang()

        def is_stopped() -> bool:
            nodes.sql(END)
            return bool(server.lines(action="gc.failed", error=NO_LEADER))

        until(is_stopped)
        to_bucket.heal()
        done = len(server.lines(action="gc.done"))
        until(lambda: len(server.lines(action="gc.done")) > done)


@pytest.mark.anyio
async def test_a_move_hands_its_lock_to_the_rows_or_ends(postgres: Postgres) -> None:
    """No server leads between the copy of the blobs and the commit of the rows."""
    with postgres.copy_of(EMPTY) as url:
        target, other = PostgresDatabase(url), PostgresDatabase(url)
        with no_server_on(target) as lock:

            def fill(connection: Connection) -> None:
                lock.hand_to(connection)
                with pytest.raises(Unavailable, match="A server runs"), no_server_on(other):
                    pass

            target.fill(fill)
            assert await other.read(of_leader(TRY_ONCE))
        with no_server_on(target) as lock:
            assert await other.read(of_leader(END))
            with pytest.raises(Unavailable, match="Run the command again"):
                target.fill(lock.hand_to)
        await target.close()
        await other.close()
