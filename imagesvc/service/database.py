"""The database that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from imagesvc.errors import Unavailable
from imagesvc.service.files import Files
from imagesvc.settings.settings import Settings
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import bring_up_to_date
from imagesvc.store.db.sqlite.soundness import read_only_engine
from imagesvc.store.db.sqlite.write_lock import WriteLock
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import full_disk_advised

if TYPE_CHECKING:
    from imagesvc.store.db.postgres.database import PostgresDatabase


def database_of(settings: Settings, files: Files) -> Database:
    """The database, which is not opened yet.

    Raises:
        Unavailable: it is of PostgreSQL, and its driver is not installed.
    """
    if settings.database_url is None:
        return EmbeddedDatabase(files.data_dir.database, files.reserve)
    return shared_database(settings.database_url)


def reading_database_of(settings: Settings) -> Database:
    """The database, only to be read: beside a server, and on a full or read-only file system.

    Raises:
        NoDataDir: no server has been started there.
        Unavailable: it is of PostgreSQL, and its driver is not installed, or the data directory
            has a database of its own.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    if settings.database_url is not None:
        _require_moved(data_dir)
        return shared_database(settings.database_url)
    data_dir.require()
    return EmbeddedDatabase(data_dir.database, engine=read_only_engine(data_dir.database))


def shared_database(url: SecretStr) -> PostgresDatabase:
    """PostgreSQL's database at a URL.

    Raises:
        Unavailable: its driver is not installed.
    """
    # Imported when needed: the driver is an extra.
    try:
        from imagesvc.store.db.postgres.database import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(
            "database_url needs the driver of PostgreSQL, which is not installed: "
            "pip install 'imagesvc[cluster]'"
        ) from error
    return PostgresDatabase(url.get_secret_value())


def prepare_database(
    database: Database, files: Files, *, may_upgrade: bool, may_use_reserve: bool
) -> None:
    """Make sure that the database is there and has the tables of this version.

    That of a data directory is made and upgraded by the start of a server.

    Raises:
        InsufficientStorage: the disk is full; the text says what to do.
        DatabaseOlder, DatabaseNewer, SchemaDiffers: it is that of another version.
        DatabaseDamaged: it is no database, or was lost.
        Unavailable: it cannot be used now, or not with this data directory; the text says why.
    """
    if not isinstance(database, EmbeddedDatabase):
        _require_moved(files.data_dir)
        database.check()
        return
    WriteLock(database.path).check_not_moved()
    reserve = files.reserve if may_use_reserve else None
    with full_disk_advised(files.data_dir.root):
        bring_up_to_date(files.data_dir, reserve, may_upgrade=may_upgrade)


def _require_moved(data_dir: DataDir) -> None:
    """The leader removes originals without a row in PostgreSQL: those of SQLite have none there."""
    if data_dir.database.exists() and not WriteLock(data_dir.database).has_moved:
        raise Unavailable(
            f"{data_dir.root} has a database of SQLite, which is not used with database_url, and "
            f"its originals would be lost. Move them: imagesvc migrate --from {data_dir.root}. Or "
            "set data_dir to another directory, or leave out database_url."
        )
