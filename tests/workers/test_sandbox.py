"""The sandbox of workers in a running service."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.attack.machine import needs_every_layer
from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, png
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import workers

FILTERED = "2"
REPOSITORY = Path(__file__).parents[2]
MAX_RETURNED_BYTES = 4 << 20

pytestmark = needs_every_layer


def status(pid: int) -> dict[str, str]:
    """The kernel's status of a process; see proc_pid_status(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_locked(pid: int) -> bool:
    """Whether it has a filter, no capability, and no way to gain privileges."""
    found = status(pid)
    has_filter = (found["Seccomp"], found["NoNewPrivs"]) == (FILTERED, "1")
    return has_filter and int(found["CapEff"], 16) == 0


def sandboxed(server: Server) -> float:
    """The metric for operators."""
    lines = server.client.get("/metrics").text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("imagesvc_workers_sandboxed ")]
    return float(value)


def test_every_worker_is_sandboxed_including_later_ones(make_server: MakeServer) -> None:
    """This is the default; and each worker does the whole work of an upload."""
    server = make_server(workers=1, worker_jobs=2)
    found: set[int] = set()
    for number in range(2):
        found |= workers(server)
        image = server.upload(jpeg(number))
        assert server.finished(image["job"]["id"])["status"] == "succeeded"

    until(lambda: len(found | workers(server)) > 2)
    until(lambda: all(map(is_locked, workers(server))))
    assert "sandbox.on" in server.log()
    assert sandboxed(server) == 1.0


@pytest.mark.breadth
def test_strict_starts_if_every_layer_is_available(make_server: MakeServer) -> None:
    """A large variant is written to a file of the server, and served whole."""
    server = make_server(workers=1, sandbox="strict")
    image = server.upload(png(1, 1600, 1200))
    server.finished(image["job"]["id"])

    made = server.client.get(f"/images/{image['id']}?w=1500&format=png&exact=1")

    assert made.status_code == 200
    assert len(made.content) > MAX_RETURNED_BYTES
    assert Image.open(io.BytesIO(made.content)).size == (1500, 1125)
    assert list((server.data_dir / "tmp").iterdir()) == []


SERVE_WITHOUT_SECCOMP = """
import os, runpy, sys
from imagesvc.workers.sandbox.seccomp import SECCOMP
from tests.attack.workers.refusing import refuse
refuse(SECCOMP[os.uname().machine])
sys.argv = ["imagesvc", "serve", "--port", "0", "--data-dir", sys.argv[1]]
runpy.run_module("imagesvc", run_name="__main__")
"""


def test_strict_does_not_start_without_a_layer_and_names_it(tmp_path: Path) -> None:
    """As in a container that refuses seccomp: one line has the reason and the remedy."""
    done = subprocess.run(
        [sys.executable, "-c", SERVE_WITHOUT_SECCOMP, str(tmp_path / "data")],
        env=os.environ | {"IMAGESVC_SANDBOX": "strict"},
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
    )  # fmt: skip

    (line,) = [it for it in done.stderr.splitlines() if "service.failed" in it]
    assert done.returncode != 0
    assert "no seccomp (Operation not permitted)" in line
    assert "With auto, the server starts." in line


def test_off_is_reported(make_server: MakeServer) -> None:
    """There is a line in the log, and a metric."""
    server = make_server(workers=1, sandbox="off")
    (worker,) = workers(server)

    assert status(worker)["Seccomp"] == "0"
    assert status(worker)["NoNewPrivs"] == "1"
    assert "sandbox.off" in server.log()
    assert sandboxed(server) == 0.0
