"""The corpus of valid and hostile files, from upload to thumbnail, if it is available.

`TEST_SHARED` names the folder that has `corpus/` and `photos/`; the default is beside the
repository.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import databases
from tests.http.asking import assert_problem, orphans
from tests.server import Server, new_client
from tests.waiting import PATIENCE

SHARED = Path(os.environ.get("TEST_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "corpus"
UPLOADS_AT_ONCE = 6
SLOW_TO_MAKE = "hostile/loop_tiff_65000_pages.tif"
"""Making it takes more than a minute; a separate test uploads it."""

pytestmark = [
    pytest.mark.long,  # `make test-breadth` has the same files in `tests/imaging/test_corpus.py`
    pytest.mark.skipif(
        not (CORPUS / "manifest.json").exists(), reason=f"there is no test corpus at {CORPUS}"
    ),
    pytest.mark.timeout(1800),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one uploaded file."""

    name: str
    expectation: str
    answer: httpx2.Response
    job: dict[str, Any] | None
    thumbnail: int | None  # status


@dataclass(frozen=True, slots=True)
class Run:
    """The results of all files, and the state of the server meanwhile."""

    server: Server
    outcomes: list[Outcome]
    health: list[tuple[int, float]]  # status and seconds

    def expected_to(self, expectation: str) -> list[Outcome]:
        """The files with this expectation."""
        return [it for it in self.outcomes if it.expectation == expectation]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """The files to upload, and the expectation of the manifest for each."""
    made = tmp_path_factory.mktemp("corpus")
    manifest = json.loads((CORPUS / "manifest.json").read_text())
    expectations = {entry["name"]: entry["expectation"] for entry in manifest["files"]}
    del expectations[SLOW_TO_MAKE]
    missing = [name for name in expectations if not (CORPUS / name).exists()]
    _make(made, *missing)
    found = {
        CORPUS / name if name not in missing else made / Path(name).name: expectation
        for name, expectation in expectations.items()
    }
    return found | dict.fromkeys((SHARED / "photos").glob("*.*g"), "accept")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, files: dict[Path, str]) -> Iterator[Run]:
    """Every file uploaded, several at once, and its job awaited."""
    place = tmp_path_factory.mktemp("run") / "data"
    server = Server(place, max_attempts=2).start()
    health: list[tuple[int, float]] = []
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, health, is_over))
    watch.start()
    try:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
            outcomes = list(threads.map(lambda item: _upload(server, *item), files.items()))
        is_over.set()
        yield Run(server, outcomes, health)
    finally:
        is_over.set()
        watch.join()
        server.close()


def _make(place: Path, *names: str) -> None:
    """Write the generated files of the corpus."""
    script = [sys.executable, str(CORPUS / "make_hostile.py"), "--out", str(place)]
    subprocess.run([*script, *(Path(name).name for name in names)], check=True, capture_output=True)


def _upload(server: Server, path: Path, expectation: str) -> Outcome:
    files = {"file": (path.name, path.read_bytes())}
    answer = server.client.post("/api/v1/images", files=files)
    if answer.status_code != 201:
        return Outcome(path.name, expectation, answer, None, None)
    image = answer.json()
    job = server.finished(image["job"]["id"])
    thumbnail = server.client.get(image["urls"]["thumbnail"]).status_code
    return Outcome(path.name, expectation, answer, job, thumbnail)


def _watch(server: Server, health: list[tuple[int, float]], is_over: threading.Event) -> None:
    with new_client(base_url=server.client.base_url) as client:
        while not is_over.wait(0.05):
            began = time.perf_counter()
            status = client.get("/healthz").status_code
            health.append((status, time.perf_counter() - began))


def test_every_correct_image_is_accepted_and_has_a_thumbnail(run: Run) -> None:
    """A picture that browsers show must not be refused."""
    bad = [
        (it.name, it.answer.text, it.job)
        for it in run.expected_to("accept")
        if it.answer.status_code != 201
        or it.job is None
        or it.job["status"] != "succeeded"
        or it.thumbnail != 200
    ]

    assert len(run.expected_to("accept")) > 90
    assert bad == []


def test_every_hostile_file_is_refused_with_a_client_error(run: Run) -> None:
    """The response is a 4xx with the reason (invariant 9)."""
    for outcome in run.expected_to("reject"):
        assert 400 <= outcome.answer.status_code < 500, outcome.name
        assert_problem(outcome.answer, outcome.answer.status_code, outcome.answer.json()["code"])


def test_every_doubtful_file_is_accepted_or_refused_with_a_reason(run: Run) -> None:
    """Either is correct, as long as it is one of the two."""
    for outcome in run.expected_to("either"):
        if outcome.job is None:
            assert 400 <= outcome.answer.status_code < 500, outcome.name
            assert outcome.answer.json()["detail"]
        else:
            status, error = outcome.job["status"], outcome.job["error"]
            assert status == "succeeded" or (status == "failed" and error["detail"]), outcome.name


def test_no_job_runs_over_its_time(run: Run) -> None:
    """No job is stopped at its limit: each of these files is decided in seconds."""
    late = [
        (it.name, it.job["error"])
        for it in run.outcomes
        if it.job is not None and it.job["error"] and it.job["error"]["code"] == "timed_out"
    ]

    assert late == []


def test_the_server_answers_all_the_time(run: Run) -> None:
    """Workers process the pixels, so an upload does not delay other clients."""
    assert len(run.health) > 20
    assert {status for status, _seconds in run.health} == {200}
    times = sorted(seconds for _status, seconds in run.health)
    assert times[len(times) // 2] < 1.0
    assert times[-1] < PATIENCE / 2


def test_the_server_has_logged_no_bug(run: Run) -> None:
    """Neither the server nor a worker logs a bug, and the next image is accepted."""
    assert run.server.lines(level="error") == []
    assert run.server.client.get("/readyz").status_code == 200


def test_no_data_of_refused_files_is_left(run: Run) -> None:
    """There is a blob for each accepted file, their mezzanines, and no canary was triggered."""
    taken = {it.answer.json()["sha256"] for it in run.outcomes if it.answer.status_code == 201}
    query = "SELECT mezzanine_sha256 FROM blobs WHERE mezzanine_sha256 IS NOT NULL"
    mezzanines = set(databases.run_sql(run.server.data_dir, query))

    assert run.server.blobs() == taken | mezzanines
    assert orphans(run.server) == []
    assert list(Path("/tmp").glob("corpus_pwned*")) == []


def test_very_many_pages_are_accepted_or_refused(run: Run, tmp_path: Path) -> None:
    """65,000 pages in a chain."""
    name = Path(SLOW_TO_MAKE).name
    _make(tmp_path, SLOW_TO_MAKE)

    outcome = _upload(run.server, tmp_path / name, "either")

    assert outcome.answer.status_code == 201 or 400 <= outcome.answer.status_code < 500
