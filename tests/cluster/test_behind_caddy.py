"""Two servers behind Caddy, by the file to copy: one that dies is not noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accounts import admin_of
from tests.cluster.conftest import Nodes
from tests.http.asking import picture
from tests.proxies import caddy
from tests.server import new_client
from tests.test_ops import OPS
from tests.waiting import until

pytestmark = pytest.mark.cluster


def test_a_server_that_dies_is_not_noticed(nodes: Nodes, tmp_path: Path) -> None:
    """Nor is the one that comes back."""
    first, second = nodes.pair(
        auth="required", default_visibility="public", trusted_proxies='["127.0.0.1/32"]'
    )
    upload = admin_of(first).client.post("/images", content=picture(1))
    assert upload.status_code == 201
    site = (OPS / "Caddyfile.cluster").read_text().replace("{$SITE}", "http://127.0.0.1:{port}")
    site = site.replace("{$UPSTREAMS}", f"127.0.0.1:{first.port} 127.0.0.1:{second.port}")
    with caddy(tmp_path, site) as port, new_client(base_url=f"http://127.0.0.1:{port}") as client:
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
