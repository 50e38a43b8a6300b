"""Damage in the tables of PostgreSQL, found by reading all of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKeyConstraint,
    Select,
    Table,
    and_,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from imagesvc.store.db.database import Database
from imagesvc.store.db.postgres.errors import shows_damage
from imagesvc.store.db.schema.whole import WHOLE

MAX_NAMED = 20
"""Images that are named one by one."""


async def faults_of(database: Database) -> list[str]:
    """The tables that cannot be read whole, with the reason; nothing when all can be.

    Each row is read with its long values, which are in pages of their own. Indexes are not read:
    `pg_amcheck` compares them with the tables.

    Raises:
        Unavailable: the database cannot be used now.
    """
    faults = []
    for table in WHOLE.sorted_tables:
        fault = await database.read(partial(_fault_of, table))
        if fault is not None:
            faults.append(f"the table {table.name} cannot be read whole: {fault}")
    return faults


def _fault_of(table: Table, connection: Connection) -> str | None:
    try:
        connection.execute(text(f'SELECT count("{table.name}"::text) FROM "{table.name}"'))  # noqa: S608  # of the schema
    except DBAPIError as error:
        if not shows_damage(error):
            raise
        return str(error.orig).partition("\n")[0]
    return None


async def lost_parents_of(database: Database) -> list[str]:
    """Rows that point at no row: those of a table in one line, images by name.

    PostgreSQL lets nobody make such rows: they are what damage, or an incomplete copy, has left.
    """
    faults = []
    for table in WHOLE.sorted_tables:
        faults += await database.read(partial(_lost_parents, table))
    return faults


def _lost_parents(table: Table, connection: Connection) -> list[str]:
    faults = []
    for key in table.foreign_key_constraints:
        parent = key.referred_table.name
        count = connection.scalar(_lost(select(func.count()), table, key)) or 0
        if count:
            faults.append(f"{count:,} rows of {table.name} point at no row of {parent}")
        if count and table.name == "images":
            columns = select(table.c.id, table.c.filename, table.c.sha256)
            faults += [
                f'image {row.id} "{row.filename}" (original {row.sha256}) points at no row of '
                f"{parent}"
                for row in connection.execute(_lost(columns, table, key).limit(MAX_NAMED))
            ]
    return faults


def _lost(columns: Select[Any], table: Table, key: ForeignKeyConstraint) -> Select[Any]:
    parent = key.referred_table.alias()
    pairs = [(table.c[it.parent.name], parent.c[it.column.name]) for it in key.elements]
    has_parent = exists().where(and_(*(child == other for child, other in pairs)))
    return columns.select_from(table).where(
        *(child.is_not(None) for child, _ in pairs), ~has_parent
    )
