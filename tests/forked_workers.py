"""Worker processes that are forked from a server, which was forked with their modules loaded.

Loading them takes most of the time of the start of a worker. Such a worker has a session, limits,
descriptors and a sandbox of its own, as `python -m imagesvc.workers` does. tests/workers and
tests/attack start that program.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from imagesvc.workers import process
from imagesvc.workers.main import run
from imagesvc.workers.process import WORKER_MODULE
from imagesvc.workers.sandbox.lock import ResourceLimits

MAX_REQUEST = 1 << 10
NAME = "imagesvc-worker"
"""That of the process: its arguments are those of the fork server."""


class _Forked:
    """A forked worker; the methods are those of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None
        self._lock = threading.Lock()

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended and was waited for."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit status, negative for a signal."""
        with self._lock:
            if self._status is None:
                self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return self._status


def arguments_of(limits: ResourceLimits) -> list[str]:
    """Those of the program of a worker, after its channel."""
    return [str(value) for value in (limits.address_space, limits.file_size, *limits.layers)]


def fork_workers(ahead: int) -> None:
    """Have this process fork the workers that it starts, the first of them now.

    Pages that a process has changed are copied once more after each fork.
    """
    waiting = [_fork_ahead() for _ in range(ahead)]

    def launch(module: str, channel: socket.socket, limits: ResourceLimits) -> Any:
        assert module == WORKER_MODULE
        if not waiting:
            waiting.append(_fork_ahead())
        worker, requests = waiting.pop()
        with requests:
            message = json.dumps(arguments_of(limits)).encode()
            socket.send_fds(requests, [message], [channel.fileno()])
        return worker

    vars(process)["launch"] = launch


def _fork_ahead() -> tuple[_Forked, socket.socket]:
    """A worker that waits for its channel and arguments, and the socket for those."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (pid := os.fork()) == 0:
        ours.close()
        _run_worker(theirs)
    theirs.close()
    return _Forked(pid), ours


def _run_worker(requests: socket.socket) -> NoReturn:
    """Become what the program of a worker is when its modules are loaded."""
    status = 1
    try:
        gc.disable()
        gc.freeze()
        _reset_signals()
        os.setsid()
        message, fds, _, _ = socket.recv_fds(requests, MAX_REQUEST, 1)
        if message:
            requests.close()
            take_identity()
            sys.argv = [WORKER_MODULE, *map(str, fds), *json.loads(message)]
            run()
        status = 0
    finally:
        os._exit(status)


def take_identity() -> None:
    """Have the name, the streams and the variables of a worker."""
    Path("/proc/self/comm").write_text(NAME)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    kept = process.environment()
    os.environ.clear()
    os.environ.update(kept)


def _reset_signals() -> None:
    """As for a new program: what was handled has its default, what was ignored remains so."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
