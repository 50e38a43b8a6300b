"""A server with its metadata in PostgreSQL, and its originals and variants in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import EMPTY
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import CREDENTIALS, Radosgw
from tests.server import Server

pytestmark = pytest.mark.cluster


@pytest.fixture
def server(
    tmp_path: Path, postgres: Postgres, radosgw: Radosgw, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server that keeps nothing on its machine."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with postgres.copy_of(EMPTY) as url:
        node = Server(
            tmp_path / "data", database_url=url.replace("+psycopg", ""), secret_key=SECRET,
            blob_url=radosgw.new_url(), eager_presets='["thumbnail"]',
        )  # fmt: skip
        node.start()
        yield node
        node.close()


def files(server: Server) -> set[str]:
    """The names of all files below the data directory but those of the process."""
    names = {path.name for path in server.data_dir.rglob("*") if path.is_file()}
    return names - {"server.lock", "reserve", "reserve.inode", "last-run"}


def test_a_server_keeps_nothing_on_its_machine(server: Server, tmp_path: Path) -> None:
    """Another one, with an empty disk, has all of it."""
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}"
    made = server.client.get(f"{url}?w=33")
    assert made.status_code == 200
    assert server.client.get("/readyz").json()["checks"]["blobs"] == "ok"
    assert all(image["sha256"] in name for name in files(server)), "downloads"
    server.stop()
    assert files(server) == set()

    settings = {name: server.settings[name] for name in ("database_url", "secret_key", "blob_url")}
    other = Server(tmp_path / "other", **settings).start()
    try:
        assert other.client.get(url).content == picture(1)
        part = other.client.get(url, headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, picture(1)[10:20])
        assert other.client.get(f"{url}?w=33").content == made.content
        assert other.client.get(f"{url}/thumbnail").status_code == 200
        assert other.client.get(f"{url}?w=21").status_code == 200
        assert other.client.delete(f"/api/v1{url}").status_code == 204
        assert other.client.get(url).status_code == 404
    finally:
        other.close()
