"""Units of work on a connection with a dedicated thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import Connection

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.connections import UnitConnection
from imagesvc.store.db.sqlite.database import READERS, EmbeddedDatabase
from imagesvc.store.db.sqlite.engine import sqlite_engine
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def one(connection: Connection) -> object:
    """A statement."""
    return connection.exec_driver_sql("SELECT 1").scalar()


def test_aiosqlite_has_the_private_parts_that_are_used() -> None:
    """They may be removed in any release, so the dependency has an upper bound."""
    assert inspect.iscoroutinefunction(aiosqlite.Connection._execute)
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters) == [
        "self", "fn", "args", "kwargs",
    ]  # fmt: skip
    assert list(inspect.signature(aiosqlite.Connection).parameters)[:2] == [
        "connector", "iter_chunk_size",
    ]  # fmt: skip


async def test_a_unit_runs_in_the_thread_of_its_connection(tmp_path: Path) -> None:
    """All statements run in it, and never in the thread of the event loop."""
    connection = UnitConnection(sqlite_engine(tmp_path / "a.db"))

    threads = {await connection.run(lambda _: threading.current_thread()) for _ in range(3)}
    await connection.close()

    (thread,) = threads
    assert thread is not threading.current_thread()
    thread.join(PATIENCE)  # it ends just after it has said so
    assert not thread.is_alive()


async def test_a_connection_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """The disk may become available again."""
    folder = tmp_path / "away"
    connection = UnitConnection(sqlite_engine(folder / "a.db"))
    before = set(threading.enumerate())

    with pytest.raises(Unavailable):
        await connection.run(one)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)  # it has said that it ends
    folder.mkdir()

    assert await connection.run(one) == 1
    await connection.close()


async def test_abandoned_reads_do_not_block_others(tmp_path: Path) -> None:
    """A requester disconnects in the middle of a slow search: others use the other connections."""
    database = EmbeddedDatabase(tmp_path / "a.db")
    begun, go_on = threading.Event(), threading.Event()

    def slow(_connection: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    left = asyncio.create_task(database.read(slow))
    await asyncio.to_thread(begun.wait, 60)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)

    assert [await database.read(one) for _ in range(READERS)] == [1] * READERS
    go_on.set()
    await database.close()


async def test_a_write_continues_after_its_requester_disconnects(tmp_path: Path) -> None:
    """Otherwise it would be unknown whether it happened."""
    database = EmbeddedDatabase(tmp_path / "a.db")
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (a)"))
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")

    left = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(begun.wait, 60)
    left.cancel()
    go_on.set()
    await asyncio.gather(left, return_exceptions=True)
    count = await database.write(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM t").scalar()
    )

    assert count == 1
    await database.close()


async def test_closing_ends_every_thread(tmp_path: Path) -> None:
    """A remaining thread would keep the process alive."""
    before = set(threading.enumerate())
    database = EmbeddedDatabase(tmp_path / "a.db")
    await asyncio.gather(*(database.read(one) for _ in range(2 * READERS)))
    waiting = asyncio.create_task(database.write(one))
    await asyncio.sleep(0)

    started = set(threading.enumerate()) - before
    await database.close()

    assert await waiting == 1
    assert len(started) >= READERS
    for thread in started:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in started)


async def test_a_closed_database_is_not_opened_again(tmp_path: Path) -> None:
    """A late request at a stop gets an error; a new thread would keep the process alive."""
    database = EmbeddedDatabase(tmp_path / "a.db")
    await database.read(one)
    await database.close()
    before = set(threading.enumerate())

    with pytest.raises(Unavailable):
        await database.read(one)
    with pytest.raises(Unavailable):
        await database.write(one)

    assert set(threading.enumerate()) <= before
