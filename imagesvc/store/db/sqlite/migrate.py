"""Bring the database to the newest schema."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, inspect, text

from imagesvc.errors import DatabaseDamaged, InsufficientStorage, Unavailable
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction, translated
from imagesvc.store.db.sqlite.expected import HINT, differences, statements
from imagesvc.store.db.sqlite.write_lock import WriteLock
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import NO_INODES
from imagesvc.store.files.reserve import Reserve

HEAD = "0024"
"""The newest revision in `migrations/versions`; a test compares them."""


NEWER_HINT = "Run the newer version, or restore a copy of the data directory."
"""A message for an operator who has installed an older version."""


class DatabaseNewer(Unavailable):
    """The database has a schema that only a later version of imagesvc knows."""


class DatabaseOlder(Unavailable):
    """The database has the schema of an earlier version, and a command must not migrate it."""


class SchemaDiffers(Unavailable):
    """The database is at the newest revision, but has another schema."""


MIGRATIONS = Path(__file__).parent / "migrations"
VERSIONS = MIGRATIONS / "versions"


def bring_up_to_date(
    data_dir: DataDir, reserve: Reserve | None, *, may_upgrade: bool = True
) -> None:
    """As `migrate`; on a full disk, the reserve given gets the room to start and to delete.

    Raises:
        DatabaseOlder: an earlier version has made it, and it must not be upgraded.
        InsufficientStorage: the disk is full, and there was no reserve or it was not enough.
        DatabaseDamaged: it is no database any more, or was lost.
        DatabaseNewer: a later version has migrated it.
        SchemaDiffers: it was made by an unreleased version.
        Unavailable: the database cannot be used now.
    """
    path = data_dir.database
    _check_not_lost(data_dir)
    try:
        try:
            _migrate(data_dir, may_upgrade=may_upgrade)
        except InsufficientStorage:
            if reserve is None or not reserve.release():
                raise
            _migrate(data_dir, may_upgrade=may_upgrade)
    except DatabaseDamaged as error:
        raise DatabaseDamaged(f"The database {path} is damaged. {NEXT_STEPS}") from error


def _migrate(data_dir: DataDir, *, may_upgrade: bool) -> None:
    """Like `migrate`, with errors of imagesvc; SQLite does not report missing inodes."""
    path = data_dir.database
    try:
        with translated():
            migrate(path, may_upgrade=may_upgrade)
    except (InsufficientStorage, DatabaseDamaged, DatabaseNewer, DatabaseOlder, SchemaDiffers):
        raise
    except Unavailable as error:
        if not data_dir.has_inodes():
            raise InsufficientStorage(NO_INODES) from error
        reason = getattr(error.__cause__, "orig", error)
        raise Unavailable(f"The database {path} cannot be used: {reason}.") from error


def _check_not_lost(data_dir: DataDir) -> None:
    """A new database beside originals would make all of them orphans, which are removed.

    Raises:
        DatabaseDamaged: there are originals, and no database.
    """
    path = data_dir.database
    if path.exists() and path.stat().st_size:
        return
    if data_dir.has_originals():
        raise DatabaseDamaged(f"{path} is missing or empty, and there are originals. {NEXT_STEPS}")


def migrate(path: Path, *, may_upgrade: bool = True) -> None:
    """Create or upgrade the database at `path`; nothing happens when it is at `HEAD`.

    One transaction: a crash in between leaves the old schema, whole. A new database is its owner's
    alone to read: it has the hashes of passwords. SQLite gives its log the same permissions.

    Args:
        path: of the database.
        may_upgrade: false for commands: the server of an earlier version may be running.

    Raises:
        DatabaseNewer: a later version has migrated it.
        DatabaseOlder: an earlier version has made it, and it must not be upgraded.
        SchemaDiffers: it was made by an unreleased version.
    """
    with contextlib.suppress(FileExistsError):
        path.touch(mode=0o600, exist_ok=False)
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        if (revision := _revision(connection)) != HEAD:
            check_not_newer(revision, path)
            if not may_upgrade:
                check_not_older(revision, path)
            with closing(WriteLock(path)) as lock, lock.hold(), transaction(connection):
                if inspect(connection).get_table_names():  # another process may have been faster
                    upgrade(connection)
                else:
                    create(connection)
        check_schema(cast("sqlite3.Connection", connection.connection.dbapi_connection), path)
    engine.dispose()


def check_not_newer(revision: str | None, path: Path) -> None:
    """Tell a revision that this version knows from that of a later one.

    Raises:
        DatabaseNewer: it has no migration here.
    """
    if revision is not None and not is_known(revision):
        raise DatabaseNewer(
            f"The database {path} was made by a newer version of imagesvc (schema {revision}; this "
            f"version, {version('imagesvc')}, knows those up to {HEAD}). {NEWER_HINT}"
        )


def check_not_older(revision: str | None, path: Path) -> None:
    """Leave the migration of a database to the start of a server.

    Raises:
        DatabaseOlder: its revision is not the newest.
    """
    if revision is not None and revision != HEAD:
        raise DatabaseOlder(
            f"The database {path} was made by an older version of imagesvc (schema {revision}; "
            f"this version, {version('imagesvc')}, has {HEAD}). Only the start of a server "
            "migrates it. Upgrade: stop the old server, and start this version."
        )


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Compare a database at `HEAD` with what its revision means.

    Raises:
        SchemaDiffers: statements would fail later, each in the middle of its work.
    """
    if found := differences(connection):
        raise SchemaDiffers(
            f"The database {path} has another schema than this version of imagesvc expects "
            f"({', '.join(found)}). {HINT}"
        )


def is_known(revision: str) -> bool:
    """Whether this version has the migration."""
    return revision.isalnum() and any(VERSIONS.glob(f"{revision}_*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def create(connection: Connection) -> None:
    """Make the newest schema in an empty database, in a tenth of the time of all migrations."""
    for statement in statements():
        connection.exec_driver_sql(statement)
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the migrations that are missing up to a revision, within the caller's transaction."""
    # Imported when needed: it takes a third of the time of a start that has nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
