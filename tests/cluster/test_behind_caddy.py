"""Two servers behind Caddy, by the file to copy: one that dies is not noticed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from imagesvc.store.db.postgres.migrate import migrate
from tests.accounts import admin_of
from tests.cluster.conftest import Nodes
from tests.cluster.test_invalidation import hot
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import started
from tests.proxies import caddy
from tests.server import Server, new_client
from tests.test_ops import OPS
from tests.waiting import until

pytestmark = pytest.mark.cluster
SETTINGS = {
    "auth": "required", "default_visibility": "public", "trusted_proxies": '["127.0.0.1/32"]',
}  # fmt: skip


@contextlib.contextmanager
def behind_caddy(folder: Path, *servers: Server) -> Iterator[httpx2.Client]:
    """A client of servers behind Caddy."""
    site = (OPS / "Caddyfile.cluster").read_text().replace("{$SITE}", "http://127.0.0.1:{port}")
    upstreams = " ".join(f"127.0.0.1:{server.port}" for server in servers)
    with (
        caddy(folder, site.replace("{$UPSTREAMS}", upstreams)) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def test_a_server_that_dies_is_not_noticed(nodes: Nodes, tmp_path: Path) -> None:
    """Nor is the one that comes back."""
    first, second = nodes.pair(**SETTINGS)
    upload = admin_of(first).client.post("/images", content=picture(1))
    assert upload.status_code == 201
    with behind_caddy(tmp_path, first, second) as client:
        path = f"/images/{upload.json()['id']}?w=9"

        def statuses() -> set[int]:
            return {client.get(path).status_code for _ in range(40)}

        assert statuses() == {200}
        first.kill()
        assert statuses() == {200}
        first.start()
        second.kill()
        until(lambda: client.get(path).status_code == 200)
        assert statuses() == {200}


def test_images_in_memory_are_delivered_when_no_server_is_ready(tmp_path: Path) -> None:
    """Without PostgreSQL, Caddy has no healthy server, and asks them nevertheless."""
    with started() as postgres:
        postgres.make(EMPTY, migrate)
        with contextlib.closing(Nodes(tmp_path, postgres.copy(EMPTY))) as nodes:
            servers = nodes.pair(**SETTINGS)
            upload = admin_of(servers[0]).client.post("/images", content=picture(1))
            url = hot(upload.json()["id"], *servers)
            with behind_caddy(tmp_path, *servers) as client:
                assert client.get(url).status_code == 200
                postgres.stop()
                until(lambda: all(is_unhealthy(tmp_path, server) for server in servers))

                assert [client.get(path).status_code for path in (url, "/readyz")] == [200, 503]
                postgres.start()
                until(lambda: client.get("/readyz").status_code == 200)


def is_unhealthy(folder: Path, server: Server) -> bool:
    """Whether Caddy has logged that a server is not ready."""
    lines = (folder / "caddy.log").read_text().splitlines()
    return any("health_checker.active" in line and f":{server.port}" in line for line in lines)
