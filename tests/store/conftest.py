"""What the tests of store share."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from imagesvc.store.db.database import Database
from imagesvc.store.db.migrate import migrate
from tests.server import Server


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database."""
    migrate(tmp_path / "imagesvc.db")
    opened = Database(tmp_path / "imagesvc.db")
    opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def stocked(stock: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with a copy of the module's `stock`, not yet started."""
    server = Server(Path(shutil.copytree(stock, tmp_path / "data")))
    yield server
    server.close()
