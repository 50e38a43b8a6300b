"""No two connections write, or move the log into the database, at the same time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate
from imagesvc.store.db.sqlite.version import has_wal_reset_bug
from imagesvc.store.db.sqlite.write_lock import WriteLock
from tests.waiting import until_async

pytestmark = pytest.mark.anyio


def add_event(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO events (type, subject_id, data, created_at) VALUES ('a', 'b', '{}', 1)"
    )


async def test_a_commit_waits_for_the_writer_of_another_process(tmp_path: Path) -> None:
    """A commit, and the checkpoint that it may cause, begin when the other has ended."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    database = EmbeddedDatabase(path)
    await database.write(add_event)
    fd = os.open(tmp_path / "database.lock", os.O_RDWR)  # what another process would open
    fcntl.flock(fd, fcntl.LOCK_EX)
    begun = threading.Event()

    def second(connection: Connection) -> None:
        begun.set()
        add_event(connection)

    waiting = asyncio.create_task(database.write(second))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    assert not begun.is_set()
    os.close(fd)  # also what the end of a process does

    await waiting
    assert begun.is_set()
    await database.close()


class CountingLock(WriteLock):
    """Counts how often it is waited for."""

    count = 0

    @contextmanager
    def hold(self, *, even_if_moved: bool = False) -> Iterator[None]:
        """See `WriteLock`."""
        self.count += 1
        with super().hold(even_if_moved=even_if_moved):
            yield


async def test_writes_that_wait_together_wait_for_the_lock_once(tmp_path: Path) -> None:
    """Not one after the other, each as long as it may take; all have an answer."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    lock = CountingLock(path, timeout=0.01)
    database = EmbeddedDatabase(path, write_lock=lock)

    with closing(WriteLock(path)) as stopped, stopped.hold():
        writes = (database.write(add_event) for _ in range(20))
        errors = await asyncio.gather(*writes, return_exceptions=True)
    count = lock.count
    await database.write(add_event)
    await database.close()

    assert all(isinstance(error, Unavailable) for error in errors)
    assert count <= 2  # the first write may go alone


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[EmbeddedDatabase]:
    """A database whose writes wait for no other program."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    database = EmbeddedDatabase(path, write_lock=WriteLock(path, timeout=0.01))
    yield database
    await database.close()


async def test_a_server_knows_that_its_writes_are_refused(impatient: EmbeddedDatabase) -> None:
    """For its readiness: while another program keeps the lock, and after the rows have moved."""
    with closing(WriteLock(impatient.path)) as other:
        with other.hold():
            await impatient.check_writes()  # a command beside it commits
            with pytest.raises(Unavailable):
                await impatient.write(add_event)
            with pytest.raises(Unavailable, match="Another program"):
                await impatient.check_writes()
        await until_async(lambda: takes_writes(impatient))

        with other.hold():
            other.note_move()
        with pytest.raises(Unavailable, match="have moved"):
            await impatient.check_writes()
        os.truncate(other.path, 0)  # to go back
        await impatient.check_writes()


async def takes_writes(database: EmbeddedDatabase) -> bool:
    """Whether it says so."""
    try:
        await database.check_writes()
    except Unavailable:
        return False
    return True


def test_a_writer_that_never_ends_is_an_error(tmp_path: Path) -> None:
    """A process may be stopped in the middle of its commit."""
    with (
        closing(WriteLock(tmp_path / "imagesvc.db")) as stopped,
        closing(WriteLock(tmp_path / "imagesvc.db", timeout=0.01)) as waiting,
        stopped.hold(),
        pytest.raises(Unavailable, match="Another program"),
        waiting.hold(),
    ):
        pass


def test_without_room_for_its_file_there_is_no_lock(tmp_path: Path) -> None:
    """Deletes work on a full disk."""
    with closing(WriteLock(tmp_path / "missing" / "imagesvc.db")) as lock, lock.hold():
        assert not lock.path.exists()


async def test_readers_change_nothing_and_make_no_checkpoint(tmp_path: Path) -> None:
    """The log stays as it is when connections that read are closed beside others."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    server, command = EmbeddedDatabase(path), EmbeddedDatabase(path)
    await server.write(add_event)
    before = path.read_bytes()

    def settings(connection: Connection) -> list[object]:
        names = ("query_only", "wal_autocheckpoint")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await command.read(settings) == [1, 0]
    with pytest.raises(Unavailable):
        await command.read(add_event)
    await command.close()

    assert path.read_bytes() == before
    assert path.with_name("imagesvc.db-wal").stat().st_size > 0
    await server.close()


async def test_the_last_close_leaves_one_file(tmp_path: Path) -> None:
    """Whatever only reads is closed before the connection that may make a checkpoint."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    database = EmbeddedDatabase(path)
    await database.write(add_event)
    await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").all())
    await database.close()

    assert not path.with_name("imagesvc.db-wal").exists()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)


@pytest.mark.parametrize(
    ("version", "is_affected"),
    [
        ("3.6.23", False), ("3.7.0", True), ("3.40.1", True), ("3.44.5", True), ("3.44.6", False),
        ("3.45.0", True), ("3.50.6", True), ("3.50.7", False), ("3.51.2", True), ("3.51.3", False),
        ("3.53.4", False), ("4.0.0", False),
    ],
)  # fmt: skip
def test_versions_with_the_bug_are_known(version: str, is_affected: bool) -> None:
    """Corrections exist for two older branches."""
    assert has_wal_reset_bug(version) is is_affected
