"""A network before PostgreSQL that refuses, hangs, and cuts connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, event, func, select, text

from imagesvc.errors import DatabaseUnavailable, OutcomeUnknown, Unavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.migrate import migrate
from imagesvc.store.db.schema.events import events
from imagesvc.store.images import ImageStore
from tests.cut_proxy import CutProxy, cut_proxy
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import USER, Postgres, started
from tests.server import Server, reserve_port
from tests.store.rows import image_and_job
from tests.store.test_postgres import add_event
from tests.waiting import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]

RECOVERY_SECONDS = 10.0


@pytest.fixture(scope="module")
def distant() -> Iterator[Postgres]:
    """A PostgreSQL that listens at a port."""
    with reserve_port() as reserved:
        port: int = reserved.getsockname()[1]
        with started(port) as server:
            engine = create_engine(server.url("postgres"))
            migrate(engine)
            engine.dispose()
            yield server


@pytest.fixture
def proxy(distant: Postgres) -> Iterator[CutProxy]:
    assert distant.port is not None
    with cut_proxy(distant.port) as network:
        yield network


def url_of(proxy: CutProxy) -> str:
    """The URL of the database by way of the proxy."""
    return f"postgresql://{USER}@127.0.0.1:{proxy.port}/postgres"


@pytest.fixture
async def database(proxy: CutProxy) -> AsyncIterator[PostgresDatabase]:
    node = PostgresDatabase(url_of(proxy))
    await count(node)
    yield node
    await node.close()


async def count(database: PostgresDatabase) -> int:
    """How many events there are."""
    query = select(func.count()).select_from(events)
    return await database.read(lambda connection: connection.scalar(query) or 0)


async def is_well(database: PostgresDatabase) -> bool:
    """Whether it can be read."""
    try:
        await count(database)
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_what_waits_is_answered_and_all_is_well_again(
    database: PostgresDatabase, proxy: CutProxy, fault: str
) -> None:
    """More requests than there are connections; later ones do not wait at all."""
    before = await count(database)
    getattr(proxy, fault)()

    waiting = [count(database) for _ in range(20)]
    writing = [ImageStore(database).add(*image_and_job()) for _ in range(4)]
    found = await asyncio.gather(*waiting, *writing, return_exceptions=True)
    assert {type(error) for error in found} == {DatabaseUnavailable}
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await count(database)
    assert time.monotonic() - began < 1

    proxy.heal()
    healed = time.monotonic()
    await until_async(lambda: is_well(database))
    assert time.monotonic() - healed < RECOVERY_SECONDS
    assert await count(database) == before


async def test_what_waits_for_a_silent_server_is_answered_while_another_one_answers(
    distant: Postgres, proxy: CutProxy
) -> None:
    """As after the promotion of a standby, when the machine of the old primary hangs.

    A read begins on another connection then.
    """
    hosts = f"127.0.0.1:{proxy.port},127.0.0.1:{distant.port}"
    database = PostgresDatabase(f"postgresql://{USER}@{hosts}/postgres")
    try:
        await count(database)
        proxy.hang()
        assert await count(database) >= 0
    finally:
        proxy.heal()
        await database.close()


async def test_a_slow_statement_is_not_taken_for_a_silent_server(
    database: PostgresDatabase,
) -> None:
    slept = await database.read(lambda connection: connection.scalar(text("SELECT pg_sleep(5)")))

    assert slept == ""


async def test_a_commit_without_an_answer_may_have_been_made(
    database: PostgresDatabase, proxy: CutProxy
) -> None:
    """The change is there, and nobody may take it for one that failed."""
    before = await count(database)

    def work(connection: Connection) -> None:
        add_event(connection)
        event.listen(connection, "commit", lambda _: proxy.cut_down_after(0))

    with pytest.raises(OutcomeUnknown):
        await database.write(work)

    proxy.heal()
    await until_async(lambda: is_well(database))
    assert await count(database) == before + 1


def test_a_server_answers_503_and_keeps_what_may_have_rows(
    distant: Postgres, proxy: CutProxy, tmp_path: Path
) -> None:
    """Variants in memory are delivered meanwhile."""
    server = Server(tmp_path / "data", database_url=url_of(proxy), secret_key=SECRET).start()
    try:
        image = server.upload(picture(1))
        server.finished(image["job"]["id"])
        hot = f"/images/{image['id']}?w=20"
        assert [server.client.get(hot).status_code for _ in range(3)] == [200] * 3

        proxy.hang()
        answers = [server.client.post("/images", content=picture(2)) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503] * 2
        assert server.client.get("/readyz").status_code == 503
        assert server.client.get(hot).status_code == 200

        proxy.heal()
        began = time.monotonic()
        until(lambda: server.client.get("/readyz").status_code == 200)
        assert time.monotonic() - began < RECOVERY_SECONDS
        other = server.upload(picture(2))
        assert server.client.get(f"/images/{other['id']}").content == picture(2)
    finally:
        server.close()
