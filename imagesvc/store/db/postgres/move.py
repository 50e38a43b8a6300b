"""The move of the metadata of a data directory to PostgreSQL, while its server runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from imagesvc.errors import Unavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.transfer import TableDigest, copy_rows, digests_of
from imagesvc.store.db.sqlite.soundness import read_only_engine, require_current
from imagesvc.store.db.sqlite.write_lock import WriteLock
from imagesvc.store.files.data_dir import DataDir


@dataclass(frozen=True, slots=True)
class Moved:
    """What PostgreSQL has after a move."""

    rows: Mapping[str, int]
    """By table."""
    was_done: bool
    """Whether an earlier move had done it."""


def move_metadata(data_dir: DataDir, target: PostgresDatabase) -> Moved:
    """Copy all rows in one transaction, and compare them; it blocks.

    No server writes meanwhile, nor afterwards: the data directory then says that its metadata have
    moved. That is noted before the commit, so that no change is lost whenever the move is killed.
    The next one goes on from there.

    Raises:
        NoDataDir: no server has been started there.
        DatabaseOlder, DatabaseNewer, SchemaDiffers: a database is that of another version.
        DatabaseDamaged: that of the data directory is.
        Unavailable: one cannot be used now, or PostgreSQL has other rows already.
    """
    data_dir.require()
    require_current(data_dir.database)
    target.check()
    lock = WriteLock(data_dir.database)
    engine = read_only_engine(data_dir.database)
    try:
        with lock.hold(even_if_moved=True), engine.connect() as source:
            return _moved(source, target, lock)
    finally:
        engine.dispose()
        lock.close()


def _moved(source: Connection, target: PostgresDatabase, lock: WriteLock) -> Moved:
    wanted = digests_of(source)

    def fill(connection: Connection) -> bool:
        found = digests_of(connection)
        if found == wanted:
            was_done = any(digest.rows for digest in wanted.values())
        elif any(digest.rows for digest in found.values()):
            raise Unavailable(
                "The database at database_url has other rows already. Give imagesvc an empty one: "
                "dropdb, createdb and imagesvc migrate --from make it."
            )
        else:
            was_done = False
            copy_rows(source, connection)
            _compare(wanted, digests_of(connection))
        lock.note_move()
        return was_done

    was_done = target.fill(fill)
    return Moved({name: digest.rows for name, digest in wanted.items()}, was_done)


def _compare(wanted: Mapping[str, TableDigest], found: Mapping[str, TableDigest]) -> None:
    differing = [name for name, digest in wanted.items() if found[name] != digest]
    if differing:
        raise Unavailable(
            f"After the copy, the rows of {', '.join(differing)} differ; nothing was kept."
        )
