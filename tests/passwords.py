"""Passwords of users and shares that a server verifies in no time.

A hash names its own costs: those that the service makes take 0.2 s of processor time, each time.
"""

from __future__ import annotations

import contextlib
import functools
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import Table, create_engine
from sqlalchemy.pool import NullPool

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sharing import shares
from imagesvc.store.db.sqlite.write_lock import WriteLock
from tests.server import Server


def give_password(server: Server, user_id: str, password: str) -> None:
    """Give a new user a password, as if it had been hashed at lower costs."""
    _give(server, users, user_id, password)


def lock_share(server: Server, share_id: str, password: str) -> None:
    """Give a new share a password in the same way."""
    _give(server, shares, share_id, password)


def _give(server: Server, table: Table, id_: str, password: str) -> None:
    statement = table.update().where(table.c.id == UUID(id_), table.c.password_hash.is_(None))
    url = server.settings.get("database_url")
    path = server.data_dir / "imagesvc.db"
    engine = create_engine(
        f"sqlite:///{path}" if url is None else url.replace("postgresql:", "postgresql+psycopg:"),
        poolclass=NullPool,
    )
    with contextlib.ExitStack() as stack:
        if url is None:  # as commands beside a server do
            lock = stack.enter_context(contextlib.closing(WriteLock(path)))
            stack.enter_context(lock.hold())
        connection = stack.enter_context(engine.begin())
        assert connection.execute(statement.values(password_hash=_hash(password))).rowcount == 1


@functools.cache
def _hash(password: str) -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
