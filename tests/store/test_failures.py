"""Failures of the database are logged by kind: at the beginning, once a minute, and at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from imagesvc.errors import ImagesvcError, NotFound, Unavailable
from imagesvc.outages.outage import REPEAT_SECONDS
from imagesvc.store.db.database import Database
from imagesvc.store.db.failures import DatabaseFailures
from imagesvc.store.db.sqlite.database import EmbeddedDatabase

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the database's failures."""
    return Clock()


@pytest.fixture
async def database(tmp_path: Path, clock: Clock) -> AsyncIterator[Database]:
    """A database with one table."""
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE names (name TEXT UNIQUE)")
    connection.close()
    opened = EmbeddedDatabase(tmp_path / "a.db", failures=DatabaseFailures(clock))
    yield opened
    await opened.close()


def one(connection: Connection) -> object:
    """A statement that succeeds."""
    return connection.exec_driver_sql("SELECT 1").scalar()


def missing(connection: Connection) -> None:
    """A statement that fails."""
    connection.exec_driver_sql("SELECT * FROM missing")


def twice(connection: Connection) -> None:
    """Another one."""
    for _ in range(2):
        connection.exec_driver_sql("INSERT INTO names VALUES ('a')")


async def test_a_query_that_always_fails_is_logged_once_a_minute(
    database: Database, clock: Clock
) -> None:
    """Other queries succeed meanwhile."""
    with capture_logs() as lines:
        for _second in range(int(REPEAT_SECONDS) + 1):
            with pytest.raises(Unavailable):
                await database.read(missing)
            assert await database.read(one) == 1
            clock.now += 1
        clock.now += REPEAT_SECONDS
        assert await database.read(one) == 1

    assert [line["action"] for line in lines] == ["database.failed"] * 2 + ["database.passed"]
    assert lines[0]["error"] == "no such table: missing"
    assert (lines[-1]["kind"], lines[-1]["seconds"]) == ("SQLITE_ERROR", REPEAT_SECONDS)
    assert database.failures.count == REPEAT_SECONDS + 1


async def test_kinds_of_failures_are_told_apart(database: Database, clock: Clock) -> None:
    """A new one is logged although another continues; writes end outages, too."""
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await database.read(missing)
            with pytest.raises(ImagesvcError, match="refused a statement"):
                await database.write(twice)
        clock.now += REPEAT_SECONDS
        await database.write(one)

    kinds = {"SQLITE_ERROR", "SQLITE_CONSTRAINT_UNIQUE"}
    for action in ("database.failed", "database.passed"):
        found = [line["kind"] for line in lines if line["action"] == action]
        assert sorted(found) == sorted(kinds)


async def test_a_database_that_cannot_be_opened_is_logged_once(
    tmp_path: Path, clock: Clock
) -> None:
    """Reads and writes fail alike."""
    folder = tmp_path / "away"
    database = EmbeddedDatabase(folder / "a.db", failures=DatabaseFailures(clock))
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await database.read(one)
            with pytest.raises(Unavailable):
                await database.write(one)
        folder.mkdir()
        clock.now += REPEAT_SECONDS
        assert await database.read(one) == 1

    await database.close()
    assert [line["action"] for line in lines] == ["database.failed", "database.passed"]


async def test_refusals_of_the_service_are_no_failures(database: Database) -> None:
    """Even if the database's refusal is their cause."""

    def refused(connection: Connection) -> None:
        try:
            twice(connection)
        except Exception as error:
            raise NotFound("It is not there.") from error

    with capture_logs() as lines:
        for call in (database.read, database.write):
            with pytest.raises(NotFound):
                await call(refused)

    assert (lines, database.failures.count) == ([], 0)
