"""INSERT … ON CONFLICT, which each database writes differently."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table


class Upsert:
    """A statement, made once for each dialect that it is executed in.

    Args:
        table: what to insert into.
        completed: adds to the dialect's `insert(table)` what happens on a conflict.
    """

    def __init__(self, table: Table, completed: Callable[[Any], Any]) -> None:
        self._table = table
        self._completed = completed
        self._made: dict[str, Any] = {}

    def on(self, connection: Connection) -> Any:
        """The statement for the database of a connection."""
        name = connection.dialect.name
        if name not in self._made:
            dialect = import_module(f"sqlalchemy.dialects.{name}")
            self._made[name] = self._completed(dialect.insert(self._table))
        return self._made[name]
