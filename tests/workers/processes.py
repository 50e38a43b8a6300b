"""A server's worker processes, found and signalled from outside."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2

from imagesvc.workers.process import WORKER_MODULE
from tests.forked_workers import NAME
from tests.server import Server, Worker, new_client
from tests.waiting import until

TICKS = os.sysconf("SC_CLK_TCK")


def workers(server: Server | Worker) -> set[int]:
    """The process ids of the server's workers."""
    children = Path(f"/proc/{server.pid}/task").glob("*/children")
    pids = {int(pid) for path in children for pid in path.read_text().split()}
    return {pid for pid in pids if is_worker(pid)}


def is_worker(pid: int) -> bool:
    """Whether a process exists, is not a zombie, and is a worker."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()  # none if it is a zombie
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return WORKER_MODULE.encode() in arguments or (name == NAME and arguments != b"")


@contextlib.contextmanager
def stopped_workers(server: Server | Worker) -> Iterator[None]:
    """No job and no rendering ends during the context."""
    pids = workers(server)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def stopped_rendering(
    server: Server, url: str, operator: httpx2.Client | None = None
) -> Iterator[Future[httpx2.Response]]:
    """A stranger's request whose rendering stands still during the context.

    The workers must be idle before it, and no other work is done during it.

    Args:
        server: where the request is sent.
        url: of a variant that is not made yet.
        operator: a client that may read the metrics, if a stranger may not.
    """
    with (
        new_client(base_url=server.client.base_url) as stranger,
        ThreadPoolExecutor(1) as executor,
        stopped_workers(server),
    ):
        answer = executor.submit(stranger.get, url)
        until(lambda: metric(operator or server.client, "imagesvc_renders_running") > 0)
        assert not answer.done()
        yield answer


def metric(client: httpx2.Client, name: str) -> float:
    """The value of a metric without labels."""
    lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def busy(server: Server | Worker, seconds: float = 0.05) -> int:
    """The first worker that uses this much processor time from now on, in a call.

    A worker may be replaced at any time, so the time of its start does not count.
    """
    before: dict[int, float] = {}

    def found() -> int | None:
        for pid in filter(_is_locked, workers(server)):
            used = _used(pid)
            if used - before.setdefault(pid, used) >= seconds:
                return pid
        return None

    return until(found)


def _is_locked(pid: int) -> bool:
    """Whether a worker has loaded the codecs and restricted itself; see proc_pid_status(5)."""
    try:
        return "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _used(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
