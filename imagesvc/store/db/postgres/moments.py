"""All rows as they are at one moment, while nodes go on to write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, TextClause, create_engine, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from imagesvc.cancellation import end, run_to_end
from imagesvc.errors import InsufficientStorage, Unavailable
from imagesvc.model.ids import BlobName, digest_of
from imagesvc.store.blob_rows import blobs_after
from imagesvc.store.db.postgres.errors import explained
from imagesvc.store.db.postgres.idle import KEPT_LIMIT, NO_LIMIT, SIGN_SECONDS
from imagesvc.store.db.postgres.transfer import DERIVED, digests_of, rows_of
from imagesvc.store.db.schema.whole import WHOLE
from imagesvc.store.db.sqlite.engine import transaction, translated
from imagesvc.store.db.sqlite.migrate import create
from imagesvc.store.db.sqlite.snapshots import NoRoomForCopy

T = TypeVar("T")

BATCH = 1000
KEEP_BLOBS = text("LOCK TABLE blobs IN SHARE MODE")
"""Nobody adds or deletes a row until the transaction ends."""
_ASK = text("SELECT true")
NOT_KEPT = (
    "PostgreSQL ended the session that kept uploads and deletions waiting, so originals may be "
    "missing. There is no snapshot: repeat the backup. What was copied is not copied again."
)


class InThread(Protocol):
    """Runs a function in a thread."""

    def __call__(self, call: Callable[[], T]) -> Coroutine[Any, Any, T]:
        """Return what it returns."""
        ...


class Moment:
    """The rows at one moment; `blobs` are those that they need, with their sizes."""

    def __init__(
        self, reading: Connection, blobs: dict[BlobName, int], in_thread: InThread
    ) -> None:
        self.blobs = blobs
        self._reading = reading
        self._in_thread = in_thread

    async def copy_to(self, path: Path) -> None:
        """Write all rows into a new database of SQLite, and compare the two.

        Raises:
            NoRoomForCopy: its disk is full.
            Unavailable: PostgreSQL cannot be used now, or the rows differ.
        """
        await self._in_thread(lambda: _copy(self._reading, path))


@contextlib.asynccontextmanager
async def moment_of(engine: Engine, in_thread: InThread) -> AsyncIterator[Moment]:
    """The rows of now, until the context ends.

    Raises:
        Unavailable: PostgreSQL cannot be used now.
    """
    engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with _connected(engine, in_thread, NO_LIMIT) as reading:
        blobs = await in_thread(lambda: _blobs(reading))
        yield Moment(reading, blobs, in_thread)


@contextlib.asynccontextmanager
async def blobs_kept(engine: Engine, in_thread: InThread) -> AsyncIterator[None]:
    """No row of a blob is added or deleted until the context ends: uploads and deletions wait.

    Raises:
        Unavailable: PostgreSQL cannot be used now, or has ended the transaction meanwhile.
    """
    async with _connected(engine, in_thread, KEPT_LIMIT) as connection:
        await in_thread(lambda: _run(connection, KEEP_BLOBS))
        signs = asyncio.create_task(_give_signs(connection, in_thread))
        try:
            yield
        finally:
            await end(signs)
        if connection.invalidated:
            raise Unavailable(NOT_KEPT)
        try:
            await in_thread(lambda: _run(connection, _ASK))
        except Unavailable as error:
            raise Unavailable(NOT_KEPT) from error


async def _give_signs(connection: Connection, in_thread: InThread) -> None:
    """Show PostgreSQL that this process runs, until the session has ended."""
    while not connection.invalidated:
        await asyncio.sleep(SIGN_SECONDS)
        with contextlib.suppress(Unavailable):
            await run_to_end(in_thread(lambda: _run(connection, _ASK)))


@contextlib.asynccontextmanager
async def _connected(
    engine: Engine, in_thread: InThread, limit: TextClause
) -> AsyncIterator[Connection]:
    connection = await in_thread(lambda: _connect(engine, limit))
    try:
        yield connection
    finally:
        await run_to_end(in_thread(lambda: _close(connection)))


def _connect(engine: Engine, limit: TextClause) -> Connection:
    with explained():
        connection = engine.connect()
    try:
        _run(connection, limit)
    except BaseException:
        connection.close()
        raise
    return connection


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except DBAPIError:  # its session has ended
        connection.invalidate()


def _run(connection: Connection, statement: Any) -> None:
    with explained():
        connection.execute(statement)


def _blobs(connection: Connection) -> dict[BlobName, int]:
    found: dict[BlobName, int] = {}
    after = ""
    with explained():
        while rows := blobs_after(connection, after, BATCH):
            found.update(rows)
            after = digest_of(rows[-1][0])
    return found


def _copy(source: Connection, path: Path) -> None:
    path.unlink(missing_ok=True)  # of an earlier moment
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as target:
        target.exec_driver_sql("PRAGMA journal_mode = OFF")
        target.exec_driver_sql("PRAGMA synchronous = OFF")  # it is fsynced when it is stored
        try:
            with translated(), transaction(target):
                create(target)
                _fill(source, target)
        except InsufficientStorage as error:
            raise NoRoomForCopy(f"The disk of {path.parent} is full.") from error
        with explained():
            wanted = digests_of(source)
        found = digests_of(target)
    if differing := [name for name in wanted if found[name] != wanted[name]]:
        raise Unavailable(f"The rows of {', '.join(differing)} differ in the copy.")


def _fill(source: Connection, target: Connection) -> None:
    for table in WHOLE.sorted_tables:
        if table.name in DERIVED:
            continue
        batch: list[dict[str, Any]] = []
        for row in rows_of(source, table):
            batch.append(dict(row._mapping))  # noqa: SLF001  # its documented name
            if len(batch) == BATCH:
                target.execute(insert(table), batch)
                batch = []
        if batch:
            target.execute(insert(table), batch)
