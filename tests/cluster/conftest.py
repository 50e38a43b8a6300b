"""Two servers on one PostgreSQL, with one place for files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.conftest import EMPTY
from tests.databases import SECRET
from tests.postgres import Postgres
from tests.receiver import Receiver
from tests.server import Server


class Nodes:
    """The servers of one database; their folders of files are links to one place."""

    def __init__(self, place: Path, url: str) -> None:
        self._place = place
        self._engine = create_engine(url)
        self.url = url.replace("+psycopg", "")
        self.servers: list[Server] = []

    def node(self, **settings: Any) -> Server:
        """One more server, not started."""
        folder = self._place / f"data{len(self.servers)}"
        folder.mkdir()
        for name in ("blobs", "variants"):
            (self._place / name).mkdir(exist_ok=True)
            (folder / name).symlink_to(self._place / name)
        server = Server(folder, **{"database_url": self.url, "secret_key": SECRET, **settings})
        self.servers.append(server)
        return server

    def pair(self, **settings: Any) -> tuple[Server, Server]:
        """Two servers, started one after the other."""
        return self.node(**settings).start(), self.node(**settings).start()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """The first column of the rows that a statement returns."""
        with self.transaction() as connection:
            found = connection.execute(text(statement), values)
            return list(found.scalars()) if found.returns_rows else []

    def transaction(self) -> contextlib.AbstractContextManager[Connection]:
        """A transaction of another program on the same database, which ends with the block."""
        return self._engine.begin()

    def close(self) -> None:
        """End them."""
        for server in self.servers:
            server.close()
        self._engine.dispose()


@pytest.fixture
def nodes(tmp_path: Path, postgres: Postgres) -> Iterator[Nodes]:
    """The servers of one test."""
    with postgres.copy_of(EMPTY) as url, contextlib.closing(Nodes(tmp_path, url)) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """It notes what arrives."""
    made = Receiver()
    yield made
    made.close()
