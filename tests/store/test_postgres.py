"""What a shared database must add: several transactions at once, and several nodes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    text,
)

from imagesvc.errors import Unavailable
from imagesvc.model.images import Viewer
from imagesvc.store.db.database import Database
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.migrate import migrate, require_current
from imagesvc.store.db.schema.events import events
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.sqlite.migrate import HEAD, DatabaseNewer, DatabaseOlder
from imagesvc.store.events import EventStore, EventType
from imagesvc.store.images import ImageStore
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.store.rows import NOON, image_and_job
from tests.waiting import PATIENCE, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]

AT_ONCE = 160
Nodes = tuple[PostgresDatabase, PostgresDatabase]


@pytest.fixture
async def nodes(postgres: Postgres) -> AsyncIterator[Nodes]:
    """Two nodes on one database."""
    with postgres.copy_of(EMPTY) as url:
        both = PostgresDatabase(url), PostgresDatabase(url)
        yield both
        for node in both:
            await node.close()


async def waited_for(wake: asyncio.Event) -> None:
    """Return once the event was set."""
    await asyncio.wait_for(wake.wait(), PATIENCE)


async def test_a_commit_wakes_those_who_wait_at_another_node(nodes: Nodes) -> None:
    here, there = nodes
    with there.subscribe() as wake:
        await waited_for(wake)  # its connection is there
        wake.clear()

        await ImageStore(here).add(*image_and_job())

        await waited_for(wake)


async def test_a_database_that_only_reads_is_unavailable_for_changes(
    postgres: Postgres,
) -> None:
    """A standby that was not promoted, or one whose operator made it read-only."""
    with postgres.copy_of(EMPTY) as url:
        name = make_url(url).database
        engine = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only=on"))
        engine.dispose()
        node = PostgresDatabase(url)
        try:
            assert await node.read(lambda connection: connection.scalar(text("SELECT 1"))) == 1
            with pytest.raises(Unavailable, match="only reads"):
                await ImageStore(node).add(*image_and_job())
        finally:
            await node.close()


async def test_a_lost_connection_is_opened_again_and_wakes(nodes: Nodes) -> None:
    """What was committed meanwhile is not waited for, nor are later commits missed."""
    here, there = nodes
    with there.subscribe() as wake:
        await waited_for(wake)
        wake.clear()

        assert await here.read(end_listeners) == 1

        await waited_for(wake)
        wake.clear()
        await ImageStore(here).add(*image_and_job())
        await waited_for(wake)


def end_listeners(connection: Connection) -> int:
    """End the connections that listen; how many there were."""
    found = connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    )
    return len(found.all())


async def test_ids_of_events_are_in_the_order_of_commits(nodes: Nodes) -> None:
    """No reader sees an event before another with a lower id."""
    here, there = nodes
    is_open, may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        add_event(connection)
        is_open.set()
        may_end.wait(PATIENCE)

    first = asyncio.create_task(here.write(slow))
    await asyncio.to_thread(is_open.wait, PATIENCE)
    second = asyncio.create_task(there.write(add_event))
    await until_async(lambda: waits_for_lock(here))
    assert await seen(there) == []

    may_end.set()
    await asyncio.gather(first, second)
    assert await seen(there) == [1, 2]


def add_event(connection: Connection) -> None:
    """Add one, of nobody."""
    row = {
        "type": EventType.IMAGE_UPDATED, "subject_id": image_and_job()[0].id, "owner_id": None,
        "data": {}, "created_at": NOON,
    }  # fmt: skip
    connection.execute(insert(events), [row])


async def seen(database: Database) -> list[int]:
    """The ids of all events."""
    found, _ = await EventStore(database).after(0, Viewer(None, sees_all=True), (), limit=10)
    return [event.id for event in found]


async def waits_for_lock(database: Database) -> bool:
    """Whether a transaction waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    return bool(await database.read(lambda connection: connection.scalar(waiting)))


async def test_images_added_at_both_nodes_at_once_are_all_there(nodes: Nodes) -> None:
    """Each has a number of its own; none fails because so many others conflict with it."""
    await asyncio.gather(
        *(ImageStore(nodes[place % 2]).add(*image_and_job()) for place in range(AT_ONCE))
    )

    numbers = await nodes[0].read(
        lambda connection: connection.scalars(select(images.c.number)).all()
    )
    assert len(set(numbers)) == AT_ONCE


@pytest.fixture
def blank(postgres: Postgres) -> Iterator[Engine]:
    """A database without tables."""
    with postgres.copy_of("template0") as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def test_nodes_that_migrate_at_once_take_turns(blank: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        before = list(threads.map(migrate, [blank] * 4))

    assert sorted(before, key=str) == [HEAD, HEAD, HEAD, None]
    require_current(blank)


def test_a_database_that_is_not_current_is_refused(blank: Engine) -> None:
    with pytest.raises(DatabaseOlder, match="no tables"):
        require_current(blank)

    migrate(blank)
    for revision, error in (("0018", DatabaseOlder), ("9999", DatabaseNewer)):
        with blank.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        with pytest.raises(error, match=revision):
            require_current(blank)


def test_a_database_of_something_else_is_left_alone(blank: Engine) -> None:
    with blank.begin() as connection:
        connection.execute(text("CREATE TABLE invoices (id int)"))

    with pytest.raises(Unavailable, match="invoices"):
        migrate(blank)

    with blank.connect() as connection:
        assert inspect(connection).get_table_names() == ["invoices"]
