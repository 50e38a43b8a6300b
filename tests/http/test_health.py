"""The operator's routes, and the front door."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose data directory tests take away for a while."""
    server = Server(tmp_path_factory.mktemp("disturbed") / "data").start()
    yield server
    server.close()


def test_alive_is_cheap_and_never_cached(server: Server) -> None:
    """A load balancer asks every second."""
    answer = server.client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.headers["cache-control"] == "no-store"


def test_ready_names_each_part(server: Server) -> None:
    """Who looks at a sick server wants to know which part it is."""
    parts = ["database", "data_dir", "disk", "workers", "database_writes"]
    if server.settings.get("blob_url") is not None:
        parts += ["blobs", "blob_writes"]

    answer = server.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "reads": True,
        "writes": True,
        "checks": dict.fromkeys(parts, "ok"),
        "warnings": {},
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/metrics"])
def test_head_is_enough(server: Server, path: str) -> None:
    """Some probes send nothing else."""
    answer = server.client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""


def test_the_root_confirms_that_the_service_runs(server: Server) -> None:
    """Clients other than browsers get the confirmation."""
    answer = server.client.get("/", headers={"accept": "application/json"})

    assert answer.json() == {"status": "ok"}
    assert server.client.get("/", headers={"accept": "*/*"}).json() == {"status": "ok"}


def test_memory_hits_are_answers_from_memory(server: Server) -> None:
    """A response that was just rendered is none, although it is kept for the next request."""

    def hits() -> float:
        lines = server.client.get("/metrics").text.splitlines()
        return float(
            next(it for it in lines if it.startswith("imagesvc_memory_hits_total ")).split()[1]
        )

    uploaded = server.upload(picture(2), "a.jpg")
    server.finished(uploaded["job"]["id"])
    url = f"{uploaded['urls']['original']}?w=33"

    counts = [hits()]
    for range_wanted in ({}, {}, {"range": "bytes=0-9"}):
        assert server.client.get(url, headers=range_wanted).is_success
        counts.append(hits())

    assert [count - counts[0] for count in counts] == [0, 0, 1, 2]


def test_a_full_disk_is_not_ready_and_refuses_uploads_but_serves_reads(
    make_server: MakeServer,
) -> None:
    """507 for the upload, 200 for what is there already (invariant 8)."""
    server = make_server(workers=1)
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    server.stop()
    server.settings["min_free_space"] = "8000TiB"

    server.start("/healthz")

    answer = server.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["checks"]["disk"] != "ok"
    assert answer.json()["checks"]["database"] == "ok"
    assert (answer.json()["reads"], answer.json()["writes"]) == (True, False)
    for_reads = server.client.get("/readyz?for=reads")
    assert (for_reads.status_code, for_reads.json()["status"]) == (200, "ok")
    assert server.client.get("/readyz?for=writes").status_code == 503
    assert_problem(server.client.get("/readyz?for=all"), 400, "invalid_request")
    refused = server.client.post("/images", content=picture(2))
    assert_problem(refused, 507, "insufficient_storage")
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get(f"/images/{image['id']}").content == picture(1)
    assert server.client.get(f"/images/{image['id']}?w=31").status_code == 200


def test_a_missing_data_directory_is_not_a_bug(disturbed: Server) -> None:
    """As of a volume that was unmounted: 503 while it is gone, and all is well when it is back."""
    server = disturbed
    server.upload(picture(4))
    aside = server.data_dir.rename(server.data_dir.with_name("aside"))

    answers = [server.client.post("/images", content=picture(5)) for _ in range(2)]
    ready = server.client.get("/readyz")
    metrics = server.client.get("/metrics")
    aside.rename(server.data_dir)

    for answer in answers:
        assert_problem(answer, 503, "overloaded")
        assert answer.json()["detail"] == "The data directory is missing."
        assert answer.headers["retry-after"]
    assert ready.status_code == 503
    assert ready.json()["checks"]["data_dir"] == "The data directory is missing."
    assert not ready.json()["reads"]
    assert metrics.status_code in {200, 503}
    assert "imagesvc_disk_free_bytes" not in metrics.text
    until(lambda: server.client.get("/readyz").status_code == 200)  # a failed trial is remembered
    assert server.client.get("/metrics").status_code == 200
    assert server.upload(picture(5))["status"] == "pending"
    assert ".bug" not in server.log()


def test_a_stop_waits_for_running_requests(make_server: MakeServer) -> None:
    """SIGTERM is how every deployment begins; the process is gone soon after it."""
    server = make_server(workers=1)
    image = server.upload(picture(3))

    os.kill(server.pid, signal.SIGTERM)
    server.stop()
    server.start()

    assert server.finished(image["job"]["id"])["status"] == "succeeded"


@pytest.mark.files
def test_without_the_data_directory_originals_are_unavailable_and_not_absent(
    disturbed: Server,
) -> None:
    """404 would drop them from caches, and 204 would say that their files are deleted."""
    server = disturbed
    image = server.upload(picture(6))
    server.finished(image["job"]["id"])
    resource = f"/api/v1/images/{image['id']}"
    logged = len(server.log())
    aside = server.data_dir.rename(server.data_dir.with_name("aside"))
    server.data_dir.mkdir()  # as a mount point is there without its disk

    original = server.client.get(f"/images/{image['id']}")
    variant = server.client.get(f"/images/{image['id']}?w=33")
    deleted = server.client.delete(resource)
    server.data_dir.rmdir()
    aside.rename(server.data_dir)

    for answer in (original, variant, deleted):
        assert_problem(answer, 503, "overloaded")
        assert answer.json()["detail"] == "The data directory is missing."
    assert server.log()[logged:].count("The data directory is missing.") >= 3
    assert server.client.get(f"/images/{image['id']}").content == picture(6)
    assert server.client.get(f"/images/{image['id']}?w=33").status_code == 200
    assert server.client.delete(resource).status_code == 204


def test_ready_means_that_a_file_can_be_made(disturbed: Server) -> None:
    """A file system that turned itself read-only after an error may still say that it is not.

    /proc says so as well, to root.
    """
    server = disturbed
    aside = server.data_dir / "aside"
    (server.data_dir / "tmp").rename(aside)
    (server.data_dir / "tmp").symlink_to("/proc")

    until(lambda: server.client.get("/readyz").status_code == 503)
    ready = server.client.get("/readyz")
    for_reads = server.client.get("/readyz?for=reads")
    metrics = server.client.get("/metrics").text
    (server.data_dir / "tmp").unlink()
    aside.rename(server.data_dir / "tmp")

    assert ready.json()["checks"]["disk"] == "The data directory cannot be written to."
    assert for_reads.status_code == 200
    assert server.log().count("disk.unwritable") == 1
    assert "imagesvc_data_dir_writable 0.0" in metrics
    until(lambda: server.client.get("/readyz").status_code == 200)
    assert "imagesvc_data_dir_writable 1.0" in server.client.get("/metrics").text
