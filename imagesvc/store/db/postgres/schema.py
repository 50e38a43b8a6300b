"""The newest schema in an empty database of PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, MetaData, String

from imagesvc.store.db.postgres import CHANGES, LOGINS
from imagesvc.store.db.schema.whole import WHOLE
from imagesvc.store.search.fulltext.words import letters

SCRIPTS = Path(__file__).parent


def create(connection: Connection) -> None:
    """Make all tables, the index of words and what keeps an order, in the caller's transaction."""
    _by_code_points().create_all(connection)
    search = (SCRIPTS / "search.sql").read_text()
    connection.exec_driver_sql(search.replace("%(letters)s", letters()))
    connection.exec_driver_sql((SCRIPTS / "order.sql").read_text())
    connection.exec_driver_sql(CHANGES.read_text())
    connection.exec_driver_sql(LOGINS.read_text())


def _by_code_points() -> MetaData:
    """The tables, with texts that sort by code points as in SQLite, whatever the database's locale.

    Positions in lists are compared by the service, too.
    """
    tables = MetaData(naming_convention=WHOLE.naming_convention)
    for table in WHOLE.sorted_tables:
        for column in table.to_metadata(tables).columns:
            if isinstance(column.type, String):
                column.type = type(column.type)(column.type.length, collation="C")
    return tables
