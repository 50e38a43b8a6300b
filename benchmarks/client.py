"""The bench's side of HTTP: runs load processes, and asks single questions."""

from __future__ import annotations

import http.client
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.plan import Outcome, Plan, Request

ROOT = Path(__file__).parent.parent
_FINAL = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class LoadProcess:
    """A plan running in a process of its own."""

    def __init__(self, plan: Plan) -> None:
        command = [sys.executable, "-m", "benchmarks.load"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert self.process.stdin is not None
        pickle.dump(plan, self.process.stdin)
        self.process.stdin.close()

    def finish(self) -> Outcome:
        """Wait for the end, and return what came of the plan."""
        assert self.process.stdout is not None
        with self.process.stdout as pipe:
            written = pipe.read()
        if self.process.wait() != 0:
            raise RuntimeError("the load process failed; its traceback is above")
        outcome: Outcome = pickle.loads(written)
        return outcome

    def is_running(self) -> bool:
        """Whether the plan is still under way."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it; nothing comes of the plan."""
        self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


def run(plan: Plan) -> Outcome:
    """Run a plan to its end."""
    return LoadProcess(plan).finish()


def cold_rate(port: int, requests: tuple[Request, ...], connections: int) -> float:
    """Variants a second of a service, each of them made for its request.

    Raises:
        RuntimeError: it answered some from a cache.
    """
    before = metric(port, "worker_calls_total")
    rate = run(Plan(port, requests, connections)).expect(200).rate
    made = metric(port, "worker_calls_total") - before
    if made < len(requests):
        raise RuntimeError(f"{len(requests)} variants were answered, and only {made:.0f} made")
    return rate


def metric(port: int, name: str) -> float:
    """A figure of `/metrics`; 0 before its first count."""
    start = f"imagesvc_{name} "
    lines = ask(port, "/metrics").body.decode().splitlines()
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)


def ask(
    port: int,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    answer = Answer(response.status, response.getheaders(), response.read())
    connection.close()
    return answer


def upload(port: int, photo: Path) -> str:
    """Upload a photo, wait for its job, and return the image's id."""
    path = f"/api/v1/images?filename={photo.name}"
    media_type = {".png": "image/png", ".gif": "image/gif"}.get(photo.suffix, "image/jpeg")
    answer = ask(port, path, "POST", photo.read_bytes(), {"Content-Type": media_type})
    if answer.status != 201:
        raise RuntimeError(f"upload refused: {answer.status} {answer.body[:300]!r}")
    created = answer.json()
    wait_for_job(port, created["job"]["id"])
    return str(created["id"])


def wait_for_job(port: int, job_id: str) -> dict[str, Any]:
    """Poll a job until it has succeeded, and return it."""
    while True:
        job: dict[str, Any] = ask(port, f"/api/v1/jobs/{job_id}").json()
        if job["status"] == "succeeded":
            return job
        if job["status"] in _FINAL:
            raise RuntimeError(f"a job did not succeed: {job}")
        time.sleep(0.02)
