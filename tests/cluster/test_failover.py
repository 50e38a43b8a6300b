"""PostgreSQL dies with its machine, and a standby is promoted."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy import create_engine

from imagesvc.errors import DatabaseUnavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.migrate import migrate
from imagesvc.store.images import ImageStore
from tests.cluster.conftest import Nodes
from tests.cluster.test_invalidation import hot
from tests.cluster.test_outage import status, until_status
from tests.cut_proxy import CutProxy, cut_proxy
from tests.http.asking import picture
from tests.postgres import USER, Postgres, started
from tests.server import Server, new_client, reserve_port
from tests.store.rows import image_and_job
from tests.waiting import until

pytestmark = pytest.mark.cluster
CLIENTS = 2
SYNCHRONOUS = (
    "ALTER SYSTEM SET synchronous_standby_names = '*'",
    "SELECT pg_reload_conf()",
)
UNFINISHED = "SELECT count(*) FROM jobs WHERE status <> 'succeeded'"
IS_SYNCHRONOUS = "SELECT sync_state FROM pg_stat_replication"


@dataclass(slots=True)
class Uploads:
    """Clients that upload until it is over, at either server; `known` are acknowledged."""

    servers: tuple[Server, Server]
    known: dict[str, bytes] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self, client: int) -> None:
        """One client."""
        number = 0
        while not self.is_over.is_set():
            number += 1
            content = picture(1000 * client + number)
            server = self.servers[number % 2]
            with contextlib.suppress(httpx2.TransportError), new_client() as browser:
                url = f"http://127.0.0.1:{server.port}/images"
                answer = browser.post(url, content=content)
                assert answer.status_code in {201, 503}, answer.text
                if answer.status_code == 201:
                    self.known[answer.json()["id"]] = content

    def wait_for_more(self) -> None:
        """Return when each server has acknowledged some more, most likely."""
        wanted = len(self.known) + 4 * CLIENTS
        until(lambda: len(self.known) >= wanted)


@pytest.fixture
def primary() -> Iterator[Postgres]:
    """A server with the tables."""
    with reserve_port() as reserved, started(reserved.getsockname()[1]) as made:
        engine = create_engine(made.url("postgres"))
        migrate(engine)
        engine.dispose()
        yield made


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    """It has every commit before the primary acknowledges it."""
    with reserve_port() as reserved, started(reserved.getsockname()[1], primary) as made:
        with psycopg.connect(primary.plain_url("postgres"), autocommit=True) as connection:
            for statement in SYNCHRONOUS:
                connection.execute(statement)
            until(lambda: connection.execute(IS_SYNCHRONOUS).fetchone() == ("sync",))
        yield made


@pytest.fixture
def way(primary: Postgres) -> Iterator[CutProxy]:
    """The network between the servers and the machine of the primary."""
    assert primary.port is not None
    with cut_proxy(primary.port) as made:
        yield made


@pytest.mark.anyio
async def test_a_standby_is_read_and_refuses_changes(standby: Postgres) -> None:
    """As a server does that knows no primary."""
    database = PostgresDatabase(standby.plain_url("postgres"))
    try:
        images = ImageStore(database)
        assert await images.blobs_after("", 1) == []
        with pytest.raises(DatabaseUnavailable, match="only reads"):
            await images.add(*image_and_job())
    finally:
        await database.close()


@pytest.mark.long
def test_servers_go_on_with_a_promoted_standby(
    tmp_path: Path, primary: Postgres, standby: Postgres, way: CutProxy
) -> None:
    """The machine of the primary is silent; nothing that was acknowledged is lost."""
    url = (
        f"postgresql+psycopg://{USER}@/postgres?host=127.0.0.1,127.0.0.1"
        f"&port={way.port},{standby.port}"
    )
    with contextlib.closing(Nodes(tmp_path, url)) as nodes, ThreadPoolExecutor(CLIENTS) as pool:
        servers = first, second = nodes.pair()
        deleted = first.upload(picture(1))["id"]
        shown = hot(deleted, *servers)
        uploads = Uploads(servers)
        running = [pool.submit(uploads.run, client) for client in range(CLIENTS)]
        try:
            uploads.wait_for_more()
            way.hang()
            primary.stop()
            for server in servers:
                until_status(server, 503)
                assert status(server, shown) == 200
            standby.promote()
            for server in servers:
                until_status(server, 200)
            uploads.wait_for_more()
        finally:
            uploads.is_over.set()
        for each in running:
            each.result()

        assert first.client.delete(f"/api/v1/images/{deleted}").status_code == 204
        assert status(second, shown) == 404
        for image, content in uploads.known.items():
            assert second.client.get(f"/images/{image}").content == content
        with psycopg.connect(standby.plain_url("postgres"), autocommit=True) as connection:
            until(lambda: connection.execute(UNFINISHED).fetchone() == (0,))
        assert set(uploads.known) <= set(created(second))


def created(server: Server) -> list[str]:
    """The images of all events until now, in the order of the stream."""
    newest, found = server.upload(picture(999))["id"], [""]
    query = {"types": "image.created", "last_event_id": "0"}
    with server.client.stream("GET", "/api/v1/events", params=query) as answer:
        lines = answer.iter_lines()
        while found[-1] != newest:
            line = next(lines)
            if line.startswith("data: {"):
                found.append(json.loads(line.removeprefix("data: "))["data"]["image_id"])
    return found
