"""`imagesvc` as a separate process, forked from one that has loaded its modules.

Tests of the interpreter's start itself, such as its environment in `/proc` or its use of memory,
run `python -m imagesvc` instead.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from imagesvc.workers import process
from imagesvc.workers.sandbox.lock import ResourceLimits
from tests.forked_workers import arguments_of
from tests.forkserver import REPORT, STANDARD_STREAMS
from tests.waiting import PATIENCE

REPOSITORY = Path(__file__).parent.parent
FORKED = Path(__file__).with_name("forked.py")
SHARED = "TESTS_FORK_SERVER"
"""The environment variable with the name of the socket of a fork server that is shared."""


class Process:
    """A running or ended command; the methods are those of `subprocess.Popen`."""

    def __init__(self, reports: socket.socket) -> None:
        self._reports = reports
        report, (self._pidfd, *_), _, _ = socket.recv_fds(reports, REPORT.size, 1)
        (self.pid,) = REPORT.unpack(report)
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, negative for a signal; one thread at a time waits."""
        with self._lock:
            if self.returncode is None:
                self.returncode = self._reported(timeout)
            return self.returncode

    def _reported(self, timeout: float | None) -> int:
        self._reports.settimeout(timeout)
        try:
            report = self._reports.recv(REPORT.size)
        except (TimeoutError, BlockingIOError):
            raise subprocess.TimeoutExpired(["imagesvc"], timeout or 0) from None
        self._reports.close()
        os.close(self._pidfd)
        (status,) = REPORT.unpack(report)
        return int(status)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class PoolWorker(Process):
    """A worker of a pool in this process, which is killed while another thread waits for it."""

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended and was waited for."""
        if self.returncode is None:
            with contextlib.suppress(OSError):  # the descriptor is closed when it has ended
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)


@contextlib.contextmanager
def forked_workers() -> Iterator[None]:
    """Pools in this process have the fork server start their workers."""
    launch, vars(process)["launch"] = process.launch, _start_worker
    try:
        yield
    finally:
        vars(process)["launch"] = launch


def _start_worker(module: str, channel: socket.socket, limits: ResourceLimits) -> PoolWorker:
    request = {"module": module, "limits": arguments_of(limits)}
    with Path(os.devnull).open("r+b") as nothing:
        streams = [nothing.fileno()] * STANDARD_STREAMS
        return PoolWorker(_requested(request, *streams, channel.fileno()))


def start(
    *arguments: str,
    directory: Path,
    streams: tuple[IO[Any], IO[Any], IO[Any]],
    open_files: int | None = None,
    read_only: Path | None = None,
    listening: socket.socket | None = None,
    obeys_modes: bool = False,
    **settings: Any,
) -> Process:
    """Start a command.

    Args:
        arguments: of `imagesvc`.
        directory: where it runs.
        streams: its standard input, output and error.
        open_files: its limit of open files.
        read_only: a folder that it cannot write to.
        listening: a socket that it gets as systemd passes one.
        obeys_modes: whether the modes of files apply to it, also as root.
        settings: of imagesvc.
    """
    request = {
        "arguments": arguments, "environment": environment(**settings), "directory": str(directory),
        "open_files": open_files, "read_only": read_only and str(read_only),
        "is_activated": listening is not None, "obeys_modes": obeys_modes,
    }  # fmt: skip
    fds = [stream.fileno() for stream in streams]
    fds += [] if listening is None else [listening.fileno()]
    return Process(_requested(request, *fds))


def _requested(request: dict[str, Any], *fds: int) -> socket.socket:
    """Have the fork server run a request; returns the socket for its reports."""
    reports, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        message = json.dumps(request).encode()
        socket.send_fds(_fork_server(), [message], [theirs.fileno(), *fds])
    return reports


def environment(**settings: Any) -> dict[str, str]:
    """The environment of the tests, with these settings of imagesvc and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESVC_")}
    return kept | {f"IMAGESVC_{name.upper()}": str(value) for name, value in settings.items()}


def run(
    *arguments: str,
    directory: Path = REPOSITORY,
    typed: str = "",
    patience: float = PATIENCE,
    **settings: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with this standard input."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as printed,
        tempfile.TemporaryFile("w+") as complained,
    ):
        given.write(typed)
        given.seek(0)
        process = start(
            *arguments, directory=directory, streams=(given, printed, complained), **settings
        )  # fmt: skip
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        printed.seek(0)
        complained.seek(0)
        return subprocess.CompletedProcess(arguments, status, printed.read(), complained.read())


def run_script(script: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a script of `sh`, in which a program's name is replaced by that of imagesvc."""
    requests = _fork_server().fileno()
    own = shlex.join([sys.executable, "-I", "-S", str(FORKED), str(requests)])
    return subprocess.run(
        ["sh", "-c", script.replace(program, own)], pass_fds=[requests],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def share_fork_server() -> None:
    """Start a fork server for this process and for those that it starts with its environment."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind("")  # Linux chooses a name, which is in no folder
    listening.listen()
    with listening:
        _started(listening)
        os.environ[SHARED] = listening.getsockname()[1:].decode()


@functools.cache
def _fork_server() -> socket.socket:
    if name := os.environ.get(SHARED):
        shared = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        shared.connect(f"\0{name}")
        atexit.register(shared.close)
        return shared
    return _started()


def _started(*listening: socket.socket) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        passed = [inherited.fileno() for inherited in (theirs, *listening)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forkserver", *map(str, passed)],
            pass_fds=passed, cwd=REPOSITORY, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], requests: socket.socket) -> None:
    requests.close()
    process.wait()
