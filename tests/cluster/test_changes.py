"""Where nodes begin to follow the changes of images."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from imagesvc.store.db.postgres.database import PostgresDatabase
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.waiting import until_async

pytestmark = pytest.mark.cluster


def _add_two(connection: Connection) -> None:
    for _ in range(2):
        connection.execute(text("INSERT INTO image_changes (image_id) VALUES (gen_random_uuid())"))


@pytest.mark.anyio
async def test_a_node_begins_at_a_change_that_others_have_noted_and_removed(
    postgres: Postgres,
) -> None:
    """Who waits for that change would wait for this node, which never gets there."""
    with postgres.copy_of(EMPTY) as url:
        first, second = PostgresDatabase(url), PostgresDatabase(url)

        async def column(statement: str) -> list[int]:
            def work(connection: Connection) -> list[int]:
                return list(connection.scalars(text(statement)))

            return await first.read(work)

        async def is_pruned() -> bool:
            return 1 not in await column("SELECT id FROM image_changes")

        async def have_joined() -> bool:
            return len(await column("SELECT seen FROM nodes")) == 2

        try:
            await first.write(_add_two)
            first.follow_changes(lambda _: None)
            await until_async(is_pruned)
            second.follow_changes(lambda _: None)
            await until_async(have_joined)
            assert await column("SELECT seen FROM nodes") == [2, 2]
        finally:
            await first.close()
            await second.close()


@pytest.mark.anyio
async def test_a_node_forgets_all_when_the_database_lacks_what_it_has_noted(
    postgres: Postgres,
) -> None:
    """As a standby does that was promoted before it had the last changes."""
    with postgres.copy_of(EMPTY) as url:
        node, other = PostgresDatabase(url), PostgresDatabase(url)
        forgotten: list[object] = []

        async def seen() -> list[int]:
            return await other.read(
                lambda connection: list(connection.scalars(text("SELECT seen FROM nodes")))
            )

        async def has_noted() -> bool:
            return await seen() == [2] and len(forgotten) > 1

        async def has_forgotten_all() -> bool:
            return None in forgotten

        try:
            node.follow_changes(forgotten.append)
            await until_async(has_forgotten_all)
            await other.write(_add_two)
            await until_async(has_noted)
            forgotten.clear()
            await other.write(_lose_one)
            await until_async(has_forgotten_all)
            assert await seen() == [1]
        finally:
            await node.close()
            await other.close()


def _lose_one(connection: Connection) -> None:
    """Take a change back, and what the node has noted of it; it connects again."""
    connection.execute(text("UPDATE nodes SET seen = 1"))
    connection.execute(text("DELETE FROM image_changes WHERE id = 2"))
    connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND (query LIKE '%image_changes%' OR query LIKE 'UPDATE nodes%')"
        )
    )
