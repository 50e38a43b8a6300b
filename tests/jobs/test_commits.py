"""How many transactions an upload and its job make: each of them is an fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from imagesvc.model.jobs import Status
from imagesvc.service.service import Service
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from tests.crash.pictures import jpeg, large
from tests.jobs.service import runner_of, running_service, upload
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
ADD, CLAIM, MEZZANINE, SETTLE = "add", "claim", "mezzanine", "settle"


class Commits:
    """The transactions of a service from now on, each with its statements."""

    def __init__(self, service: Service) -> None:
        self.made: list[list[str]] = []
        self._writer: Any = None
        database = service.stores.database
        assert isinstance(database, EmbeddedDatabase)
        event.listen(database._engine, "before_cursor_execute", self._note)

    def _note(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("BEGIN"):
            self._writer = connection
            self.made.append([])
        elif connection is self._writer and statement != "COMMIT":
            self.made[-1].append(statement)

    def kinds(self) -> Iterator[str]:
        """What each transaction was for; one that changes nothing is named by what it read."""
        for statements in filter(None, self.made):
            changes = " ".join(it for it in statements if it.startswith(("INSERT", "UPDATE")))
            kinds = {
                ADD: "INSERT INTO images",
                SETTLE: "INSERT INTO variants",
                CLAIM: "UPDATE jobs",
                MEZZANINE: "UPDATE blobs",
            }
            yield next((kind for kind, it in kinds.items() if it in changes), statements[0])


async def settled(service: Service) -> None:
    """Wait until each write that was begun, or is about to be, has been committed."""
    for _ in range(10):
        await asyncio.sleep(0)
    await service.stores.database.write(lambda _connection: None)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(None, [ADD, CLAIM, SETTLE], id="small", marks=pytest.mark.breadth),
        pytest.param((2600, 1800), [ADD, CLAIM, MEZZANINE, SETTLE], id="with a mezzanine"),
    ],
)
async def test_an_upload_and_its_job_commit_what_they_must_and_no_more(
    tmp_path: Path, pixels: tuple[int, int] | None, expected: list[str]
) -> None:
    """Analysis, variants, operations, job and image are one transaction.

    The mezzanine's row precedes it: its blob is locked until it has a row.
    """
    content = jpeg(1) if pixels is None else large(1, *pixels)
    async with running_service(tmp_path) as service:
        await service._background.stop()  # the collection of orphans has its own transactions
        await settled(service)
        commits = Commits(service)
        image = await upload(service, content)

        async def has_ended() -> bool:
            found = await service.stores.images.get(image.id)
            return found.job_status is Status.SUCCEEDED and not runner_of(service)._running

        await until_async(has_ended)
        await settled(service)

    assert list(commits.kinds()) == expected
