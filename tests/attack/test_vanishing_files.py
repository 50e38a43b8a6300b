"""Files that disappear between check and use: each request ends as 404, not as a bug."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, large, marked, png
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import metric, stopped_workers

ROUNDS = 10
ACTIONS = ("worker.bug", "job.bug", "variant.bug", "request.bug", "Traceback", "ERROR")


def bugs(server: Server) -> list[str]:
    """The lines of the log that report a bug."""
    return [line for line in server.log().splitlines() if any(word in line for word in ACTIONS)]


def blob(server: Server, digest: str) -> Path:
    """The path of a blob of the server."""
    return server.data_dir / "blobs" / digest[:2] / digest[2:4] / digest


def test_an_original_missing_at_its_analysis_fails_its_job(
    make_server: MakeServer,
) -> None:
    """The outcome is `not_found`, at the first attempt, without a log line about a bug."""
    server = make_server(workers=1)
    other = server.upload(jpeg(1))
    server.finished(other["job"]["id"])
    operations = {"id": other["id"], "operations": ["w=20"]}
    with stopped_workers(server):
        server.client.post("/api/v1/images/actions/process", json=operations)
        until(lambda: metric(server.client, "imagesvc_renders_running") > 0)
        image = server.upload(jpeg(2))  # identified by a further worker
        blob(server, image["sha256"]).unlink()
    job = server.finished(image["job"]["id"])

    assert (job["status"], job["error"]["code"], job["attempts"]) == ("failed", "not_found", 1)
    assert bugs(server) == []


@pytest.mark.breadth
def test_deleting_images_while_they_are_analysed_logs_no_bug(make_server: MakeServer) -> None:
    """Deletes happen at different moments of the analysis; afterwards nothing is left."""
    server = make_server(workers=2)
    picture = large(3, 1000, 750)

    def upload_and_delete(number: int) -> int:
        image = server.upload(marked(picture, number))
        for _ in range(number % 5):
            server.client.get("/healthz")
        return server.client.delete(f"/api/v1/images/{image['id']}").status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(upload_and_delete, range(ROUNDS)))

    assert set(statuses) == {204}
    assert server.blobs() == set()
    assert bugs(server) == []


def race(server: Server, fetch: str, change: Callable[[], Any], rounds: int) -> set[int | str]:
    """The responses to readers of a URL while the data changes."""
    answers: set[int | str] = set()
    is_over = False

    def read() -> None:
        while not is_over:
            try:
                answers.add(server.client.get(fetch).status_code)
            except httpx2.TransportError as error:
                answers.add(type(error).__name__)

    with ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        for _ in range(rounds):
            change()
        is_over = True
        for reader in readers:
            reader.result()
    return answers


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with a variant that is sent from its file, and no other work."""
    place = tmp_path_factory.mktemp("stored") / "data"
    server = Server(place, workers=2, eager_presets="[]").start()
    yield server
    server.close()


@pytest.mark.breadth
def test_purging_variants_under_readers_breaks_no_answer(stored: Server) -> None:
    """A large variant is sent from its file: a variant that is evicted meanwhile is made again."""
    image = stored.upload(png(4, 2600, 1800), "a.png")
    url = f"/images/{image['id']}?format=png&exact=1&gray=1"
    assert int(stored.client.get(url).headers["content-length"]) > 4 << 20

    def purge() -> None:
        for path in (stored.data_dir / "variants").rglob("*"):
            if path.is_file():
                path.unlink()

    answers = race(stored, url, purge, 150)

    assert 200 in answers
    assert answers <= {200, 503}
    assert bugs(stored) == []


def test_deleting_an_image_under_readers_ends_as_404(stored: Server) -> None:
    """Every response is the whole original or 404, never a truncated one."""
    picture = png(5, 900, 600)
    answers: set[int | str] = set()
    for number in range(3):
        image = stored.upload(picture, "a.png", title=str(number))
        delete = partial(stored.client.delete, f"/api/v1/images/{image['id']}")
        answers |= race(stored, f"/images/{image['id']}", delete, 1)

    assert answers <= {200, 404}
    assert bugs(stored) == []
