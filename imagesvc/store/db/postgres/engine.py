"""The tables of procrastinate in the same database; all their names begin with its name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from imagesvc.errors import Unavailable
from imagesvc.store.jobs.engine import TABLE_INDEX

MISSING = (
    "database_url needs procrastinate, which is not installed: pip install 'imagesvc[cluster]'"
)


def upgrade_engine(connection: Connection) -> None:
    """Make its tables, or run its migrations that are missing, in the caller's transaction."""
    version, newest = engine_version(connection), newest_engine_version()
    if version is None:
        _run(connection, _folder() / "schema.sql")
        connection.execute(text("CREATE TABLE job_engine_version (migration text PRIMARY KEY)"))
        connection.execute(text("INSERT INTO job_engine_version VALUES ('')"))
        connection.execute(text(TABLE_INDEX))
    else:
        for path in _migrations():
            if path.name > version:
                _run(connection, path)
    set_newest = text("UPDATE job_engine_version SET migration = :newest")
    connection.execute(set_newest, {"newest": newest})


def engine_version(connection: Connection) -> str | None:
    """The last migration of its tables; None without them."""
    if not inspect(connection).has_table("job_engine_version"):
        return None
    version: str = connection.scalars(text("SELECT migration FROM job_engine_version")).one()
    return version


def newest_engine_version() -> str:
    """The last migration of the installed version.

    Raises:
        Unavailable: it is not installed.
    """
    return _migrations()[-1].name


def _migrations() -> list[Path]:
    return sorted((_folder() / "migrations").glob("*.sql"))


def _folder() -> Path:
    """Its scripts; found without importing it, which a server does not need."""
    spec = find_spec("procrastinate")
    if spec is None or spec.origin is None:
        raise Unavailable(MISSING)
    return Path(spec.origin).parent / "sql"


def _run(connection: Connection, script: Path) -> None:
    # Without parameters the driver accepts several statements, and leaves percent signs alone.
    plain = {"no_parameters": True}
    connection.exec_driver_sql(script.read_text("utf-8"), execution_options=plain)
