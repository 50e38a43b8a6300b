"""Watched sources over HTTP and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagesvc.client import Client
from tests import commands
from tests.http.asking import assert_problem, picture
from tests.server import Server
from tests.waiting import until

SOURCES = "/api/v1/sources"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that sources may be in."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Server]:
    """A server that may read it."""
    place = tmp_path_factory.mktemp("sources")
    shared = Server(
        place / "data", eager_presets="[]", source_roots=json.dumps([str(root)]),
        source_settle_time="20ms",
    ).start()  # fmt: skip
    yield shared
    shared.close()


def save(path: Path, seed: int) -> Path:
    """A picture."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture(seed, (2, 2 + seed), "PNG"))
    return path


def names(server: Server, tag: str) -> list[str]:
    """The names of the images with a tag."""
    data = server.client.get("/api/v1/images", params={"q": f"tags:{tag}"}).json()["data"]
    return sorted(image["filename"] for image in data)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kind": "ftp"}, "kind"),
        ({"address": "photos"}, "absolute"),
        ({"address": "/etc"}, "source_roots"),
        ({"address": "{root}/../.."}, "source_roots"),
        ({"address": "{root}/link"}, "source_roots"),
        ({"address": "/a\x00b"}, "address"),
        ({"interval_seconds": 1}, "interval_seconds"),
        ({"interval_seconds": "15m"}, "interval_seconds"),
        ({"collection": "{no}"}, "collection"),
        ({"collection": "{"}, "collection"),
        ({"on_vanish": "delete"}, "on_vanish"),
        ({"owner_id": "019aa5e8-7b30-7c1e-9d02-4f6a8e15b3c9"}, "owner_id"),
        ({"interval": 60}, "interval"),
    ],
)
def test_bad_sources_are_refused(
    server: Server, root: Path, change: dict[str, Any], where: str
) -> None:
    """The error names what is wrong, and there is no row."""
    if not (root / "link").is_symlink():
        (root / "link").symlink_to("/etc")
    body = {"kind": "folder", "address": str(root)} | change
    if isinstance(body["address"], str):
        body["address"] = body["address"].replace("{root}", str(root))

    answer = server.client.post(SOURCES, json=body)

    assert_problem(answer, 400, "invalid_request")
    assert where in answer.text
    assert server.client.get(SOURCES).json()["data"] == []


def test_without_the_setting_no_folder_is_read(joint_server: Server, tmp_path: Path) -> None:
    """The error names the setting."""
    body = {"kind": "folder", "address": str(tmp_path)}
    answer = joint_server.client.post(SOURCES, json=body)

    assert_problem(answer, 400, "invalid_request")
    assert "source_roots" in answer.json()["detail"]


def test_events_of_a_folder_make_a_scan_sooner(server: Server, root: Path) -> None:
    """Also those of a folder that is moved in; `/metrics` counts scans and files."""
    folder, elsewhere = root / "events", root / "elsewhere"
    save(folder / "a.png", 50)
    save(elsewhere / "b.png", 51)
    with Client(str(server.client.base_url)) as client:
        made = client.create_source("folder", str(folder), tags=["events"], interval_seconds=86_400)
        until(lambda: client.source(made.id).last_scan is not None)
        elsewhere.rename(folder / "2026.05 moved")
        until(lambda: names(server, "events") == ["a.png", "b.png"])
        save(folder / "2026.05 moved" / "c.png", 52)
        until(lambda: names(server, "events") == ["a.png", "b.png", "c.png"])
        until(lambda: client.source(made.id).is_scanning is False)
        metrics = server.client.get("/metrics").text
        client.delete_source(made.id)

    after = server.client.get("/metrics").text
    assert 'imagesvc_source_files_total{result="added"} 3.0' in metrics
    assert 'imagesvc_source_scans_total{result="error"} 0.0' in metrics
    assert "imagesvc_sources_failing 0.0" in metrics
    success = f'imagesvc_source_last_success_timestamp_seconds{{source="{made.id}"}} 1.'
    assert success in metrics
    assert success not in after


def test_a_source_is_watched_across_restarts(server: Server, root: Path) -> None:
    """Files that are there are taken at once, those that come later by the next scan."""
    folder = root / "first"
    save(folder / "a.png", 1)
    with Client(str(server.client.base_url)) as client:
        made = client.create_source("folder", str(folder), tags=["first"], interval_seconds=3600)
        until(lambda: names(server, "first") == ["a.png"])
        until(lambda: client.source(made.id).last_scan is not None)
        server.stop()
        save(folder / "b.png", 2)
        server.start()
        assert client.source(made.id).is_scanning is False
        client.update_source(made.id, tags=["first", "later"])
        until(lambda: names(server, "later") == ["b.png"])
        client.update_source(made.id, is_enabled=False)
        answer = server.client.post(f"{SOURCES}/{made.id}/actions/scan")
        assert_problem(answer, 409, "conflict")
        assert [source.id for source in client.sources()] == [made.id]
        client.delete_source(made.id)

    assert names(server, "first") == ["a.png", "b.png"]
    assert_problem(server.client.get(f"{SOURCES}/{made.id}"), 404, "not_found")


def test_the_command(server: Server, root: Path) -> None:
    """`scan` waits for the end, and tells what is wrong."""
    folder = root / "second"
    save(folder / "a.png", 3)
    url = str(server.client.base_url)

    def source(*arguments: str) -> tuple[int, str, str]:
        done = commands.run("source", *arguments, url=url)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    _, made, _ = source("add", str(folder), "--tag", "second", "--interval", "1h")
    first = until(lambda: json.loads(source("show", made)[1])["last_scan"])
    assert first["added"] == 1, server.log()
    save(folder / "b.png", 4)
    (folder / "c.png").write_bytes(b"no picture")

    status, counts, failures = source("scan", made)
    assert (status, counts) == (1, "3 seen, 1 added, 1 failed")
    assert failures.startswith("c.png: ")
    assert str(folder) in source("list")[1]
    assert json.loads(source("show", made)[1])["last_scan"]["seen"] == 3
    folder.rename(root / "moved")
    assert source("scan", made)[0] == 1
    assert source("remove", made)[0] == 0
    assert source("show", made)[0] == 2
    url = "http://127.0.0.1:9"
    assert source("list") == (2, "", f"imagesvc: {url} cannot be reached: Connection refused")
