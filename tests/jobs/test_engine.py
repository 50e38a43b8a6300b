"""What a worker may do to entries of the queue that are no longer its own."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from procrastinate.jobs import Status
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine, text

from imagesvc.jobs.cluster.engine import TRY_LOCK, Engine
from imagesvc.store.db.postgres.migrate import migrate
from imagesvc.store.jobs.engine import QUEUE, TASK
from tests.conftest import EMPTY
from tests.cut_proxy import cut_proxy
from tests.postgres import USER, Postgres, started
from tests.server import reserve_port
from tests.waiting import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]


@pytest.fixture
def shared(postgres: Postgres) -> Iterator[SqlEngine]:
    """A database, in which the test looks."""
    with postgres.copy_of(EMPTY) as url:
        made = create_engine(url)
        yield made
        made.dispose()


async def test_a_worker_does_not_end_what_another_was_given(shared: SqlEngine) -> None:
    """The other's entry stays, so that its own crash would be noticed."""

    async def run(_job_id: str) -> None:
        raise AssertionError

    options = shared.dialect.create_connect_args(shared.url)[1]
    engine = Engine(options, run, 1, 30.0)
    await engine.open()
    manager = engine._app.job_manager
    await engine._app.configure_task(TASK, queue=QUEUE, lock="a").defer_async(job_id="a")
    first, second = [await manager.register_worker() for _ in range(2)]

    old = await manager.fetch_job([QUEUE], first)
    assert old is not None
    await manager.retry_job(old)
    new = await manager.fetch_job([QUEUE], second)
    assert new is not None
    await manager.finish_job(old, Status.SUCCEEDED, delete_job=True)
    with shared.connect() as connection:
        rows = connection.execute(text("SELECT status, worker_id FROM procrastinate_jobs")).all()
    await manager.finish_job(new, Status.SUCCEEDED, delete_job=True)
    with shared.connect() as connection:
        left = connection.scalar(text("SELECT count(*) FROM procrastinate_jobs"))
    await engine.close()

    assert [tuple(row) for row in rows] == [("doing", second)]
    assert left == 0


async def test_a_worker_that_hangs_in_a_rescue_does_not_keep_others_from_it(
    shared: SqlEngine,
) -> None:
    """PostgreSQL ends its transaction, and so its lock."""

    async def run(_job_id: str) -> None:
        raise AssertionError

    engine = Engine(shared.dialect.create_connect_args(shared.url)[1], run, 1, 30.0)
    await engine.open()

    async def may_rescue() -> bool:
        with shared.begin() as connection:
            return bool(connection.scalar(text(TRY_LOCK)))

    pool = engine._connector.pool
    connection = await pool.getconn()
    await connection.execute(TRY_LOCK)
    assert not await may_rescue()
    await until_async(may_rescue)
    await pool.putconn(connection)
    await engine.close()


async def test_a_rescue_does_not_wait_for_a_server_that_is_silent() -> None:
    """Nor do others that use connections to it: all are broken."""

    async def run(_job_id: str) -> None:
        raise AssertionError

    with reserve_port() as reserved, started(reserved.getsockname()[1]) as distant:
        distant.make(EMPTY, migrate)
        assert distant.port is not None
        with cut_proxy(distant.port) as network:
            options = {
                "host": "127.0.0.1,127.0.0.1", "port": f"{network.port},{distant.port}",
                "user": USER, "dbname": EMPTY, "connect_timeout": "2",
            }  # fmt: skip
            engine = Engine(options, run, 1, 30.0)
            await engine.open()
            try:
                assert await engine.rescue() == 0
                network.hang()
                with pytest.raises(psycopg.OperationalError):
                    await engine.rescue()
                assert await engine.rescue() == 0
            finally:
                network.heal()
                await engine.close()
