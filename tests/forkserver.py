"""A process that has loaded imagesvc's modules and forks a copy of itself for each command.

Loading them takes most of the time of a command and of the start of a server. A copy has
arguments, environment, working directory, standard streams and limits of its own, and calls
`imagesvc.__main__.main` as `python -m imagesvc` does. `tests/commands.py` is the other side.

Warnings of SQLAlchemy are errors in the copies, as they are in the tests themselves.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import warnings
from dataclasses import dataclass
from typing import NoReturn

from sqlalchemy.exc import SAWarning
from starlette.routing import compile_path

REPORT = struct.Struct("!i")
"""Sent twice for each command: its process id, and its exit status when it has ended."""
MAX_REQUEST = 128 << 10
PRELOADED = (
    "imagesvc.app.app", "imagesvc.cli.main", "imagesvc.client", "imagesvc.cli.uploads.uploader",
    "anyio._backends._asyncio", "argon2", "encodings.idna", "jwt", "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
STANDARD_STREAMS = 3


@dataclass(frozen=True, slots=True)
class _Command:
    """The command that a copy runs."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str
    open_files: int | None

    def run(self) -> int:
        """Run like `python -m imagesvc` after it has loaded its modules.

        Returns the exit status.
        """
        os.chdir(self.directory)
        os.environ.clear()
        os.environ.update(self.environment)
        time.tzset()
        if self.open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
        sys.argv = ["imagesvc", *self.arguments]
        try:
            importlib.import_module("imagesvc.__main__").main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001  # as the interpreter does
            traceback.print_exc()
            return 1
        return 0


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    reports: socket.socket

    def report(self, number: int, *fds: int) -> None:
        try:
            socket.send_fds(self.reports, [REPORT.pack(number)], fds)
        except BrokenPipeError:  # the test has ended
            return


class _ForkServer:
    """Accepts requests from a socket until it is closed."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._children: dict[int, _Child] = {}
        self._selector = selectors.PollSelector()
        self._selector.register(requests, selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fd != self._requests.fileno():
                    self._reap(key.fd)
                elif not self._take_request():
                    self._kill_children()
                    return

    def _take_request(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self._requests, MAX_REQUEST, STANDARD_STREAMS + 1)
        if not message:
            return False
        *streams, report = fds
        if (pid := os.fork()) == 0:
            _run_copy(_Command(**json.loads(message)), streams)
        for stream in streams:
            os.close(stream)
        child = _Child(pid, os.pidfd_open(pid), socket.socket(fileno=report))
        self._children[child.pidfd] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ)
        child.report(pid, child.pidfd)
        return True

    def _reap(self, pidfd: int) -> None:
        self._selector.unregister(pidfd)
        child = self._children.pop(pidfd)
        _, status = os.waitpid(child.pid, 0)
        child.report(os.waitstatus_to_exitcode(status))
        child.reports.close()
        os.close(pidfd)

    def _kill_children(self) -> None:
        for child in self._children.values():
            signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)


def _prepare() -> None:
    """Make what all copies need: the parser of arguments, the models, the patterns of routes."""
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("imagesvc.cli.main").parser()
    operations = importlib.import_module("imagesvc.app.operations")
    operations.api_document()
    for operation in operations.OPERATIONS:
        compile_path(operation.path)


def _run_copy(command: _Command, streams: list[int]) -> NoReturn:
    """Run a command and exit without the interpreter's cleanup of memory.

    The cleanup would copy most pages of the fork server.
    """
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(STANDARD_STREAMS, os.sysconf("SC_OPEN_MAX"))
    status = command.run()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _prepare()
    warnings.filterwarnings("error", category=SAWarning)
    gc.collect()
    gc.freeze()  # memory that the collector does not visit stays shared with the copies
    _ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
