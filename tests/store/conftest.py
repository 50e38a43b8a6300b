"""What the tests of store share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagesvc.store.database import Database
from imagesvc.store.migrate import migrate


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
