"""PostgreSQL is lost to all servers at once, and comes back."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from imagesvc.store.db.postgres.migrate import migrate
from tests.cluster.conftest import Nodes
from tests.cluster.test_invalidation import hot
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import started
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster


def test_two_servers_outlive_an_outage_of_postgresql(tmp_path: Path) -> None:
    with started() as postgres:
        postgres.make(EMPTY, migrate)
        url = postgres.copy(EMPTY)
        with contextlib.closing(Nodes(tmp_path, url)) as nodes:
            servers = first, second = nodes.pair()
            kept, deleted = (first.upload(picture(number))["id"] for number in range(2))
            urls = [hot(image, *servers) for image in (kept, deleted)]
            postgres.stop()
            for server in servers:
                until_status(server, 503)
                assert [status(server, url) for url in urls] == [200, 200]
                assert status(server, f"/api/v1/images/{kept}") == 503
                file = {"file": ("a.jpg", picture(9))}
                assert server.client.post("/api/v1/images", files=file).status_code == 503
            postgres.start()
            for server in servers:
                until_status(server, 200)

            answer = first.client.delete(f"/api/v1/images/{deleted}")

            assert answer.status_code == 204, answer.text
            assert [status(second, url) for url in urls] == [200, 404]
            image = second.upload(picture(10))
            assert status(first, f"/images/{image['id']}") == 200
            assert first.finished(image["job"]["id"])["status"] == "succeeded"


def status(server: Server, url: str) -> int:
    """Of the response to a GET."""
    return server.client.get(url).status_code


def until_status(server: Server, expected: int) -> None:
    """Wait until a server says that it is ready, or that it is not."""
    until(lambda: status(server, "/readyz") == expected)
