"""A process that has loaded imagesvc's modules and forks a copy of itself for each command.

Loading them takes most of the time of a command and of the start of a server. A copy has
arguments, environment, working directory, standard streams and limits of its own, and calls
`imagesvc.__main__.main` as `python -m imagesvc` does. `tests/commands.py` is the other side.
Workers are forked as well, by servers and for the pools of tests. Processes of a parallel run of
the tests share one.

Warnings of SQLAlchemy are errors in the copies, as they are in the tests themselves. Passwords are
hashed with little work, since tests set and send hundreds; tests/auth/test_passwords.py checks the
parameters that users have.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import resource
import runpy
import select
import selectors
import signal
import socket
import sqlite3
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

from imagesvc.workers import process
from tests.forked_workers import fork_workers, take_identity
from tests.namespaces import make_read_only, obey_modes

REPORT = struct.Struct("!i")
"""Sent twice for each command: its process id, and its exit status when it has ended."""
MAX_REQUEST = 128 << 10
PRELOADED = (
    "imagesvc.app.app", "imagesvc.cli.main", "imagesvc.client", "imagesvc.cli.uploads.uploader",
    "anyio._backends._asyncio", "argon2", "encodings.idna", "imagesvc.imaging.handlers", "jwt",
    "uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
LITTLE_WORK = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}
"""Parameters of argon2."""
STANDARD_STREAMS = 3


@dataclass(frozen=True, slots=True)
class _Command:
    """The command that a copy runs."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str
    open_files: int | None = None
    read_only: str | None = None
    """A folder that it cannot write to, by a mount of its own."""
    is_activated: bool = False
    """Whether it has a socket as systemd passes one."""
    obeys_modes: bool = False
    """Whether the modes of files apply to it, also as root."""

    def run(self) -> int:
        """Run like `python -m imagesvc` after it has loaded its modules.

        Returns the exit status.
        """
        os.chdir(self.directory)
        os.environ.clear()
        os.environ.update(self.environment)
        if self.is_activated:
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        time.tzset()
        if self.read_only is not None:
            make_read_only(self.read_only)
        if self.open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
        if self.obeys_modes:
            obey_modes()
        if self.arguments[:1] in (["serve"], ["worker"]):
            fork_workers(ahead=int(self.environment.get("IMAGESVC_WORKERS", "1")))
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
class _Worker:
    """A worker process of a test's own pool; its channel is the descriptor after the streams."""

    module: str
    limits: list[str]
    """The arguments after the channel."""

    def run(self) -> int:
        """Run like `python -m` after it has loaded its modules; returns the exit status."""
        os.setsid()
        take_identity()
        sys.argv = [self.module, str(STANDARD_STREAMS), *self.limits]
        try:
            runpy.run_module(self.module, run_name="__main__")
        except BaseException:  # noqa: BLE001  # a copy must not go on as a fork server
            return 1
        return 0


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    reports: socket.socket
    requester: socket.socket

    def report(self, number: int, *fds: int) -> None:
        try:
            socket.send_fds(self.reports, [REPORT.pack(number)], fds)
        except BrokenPipeError:  # the test has ended
            return


class _ForkServer:
    """Accepts requests from sockets until that of its owner is closed."""

    def __init__(self, owner: socket.socket, listening: socket.socket | None = None) -> None:
        self._owner = owner
        self._listening = listening
        self._requesters: dict[int, socket.socket] = {}
        self._children: dict[int, _Child] = {}
        self._selector = selectors.PollSelector()
        self._add(owner)
        if listening is not None:
            self._selector.register(listening, selectors.EVENT_READ)

    def serve(self) -> None:
        while self._owner in self._requesters.values():
            for key, _ in self._selector.select():
                self._handle(key.fd)

    def _handle(self, fd: int) -> None:
        if fd in self._children:
            self._reap(fd)
        elif fd in self._requesters:
            self._take_request(self._requesters[fd])
        elif self._listening is not None:
            self._add(self._listening.accept()[0])

    def _add(self, requester: socket.socket) -> None:
        self._requesters[requester.fileno()] = requester
        self._selector.register(requester, selectors.EVENT_READ)

    def _take_request(self, requester: socket.socket) -> None:
        message, fds, _, _ = socket.recv_fds(requester, MAX_REQUEST, STANDARD_STREAMS + 2)
        if not message:
            self._remove(requester)
            return
        report, *passed = fds
        if (pid := os.fork()) == 0:
            request = json.loads(message)
            _run_copy(_Worker(**request) if "module" in request else _Command(**request), passed)
        for fd in passed:
            os.close(fd)
        child = _Child(pid, os.pidfd_open(pid), socket.socket(fileno=report), requester)
        self._children[child.pidfd] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ)
        child.report(pid, child.pidfd)

    def _remove(self, requester: socket.socket) -> None:
        """Kill what a test process that has ended has left, or all when the owner has."""
        for child in self._children.values():
            if requester in (child.requester, self._owner):
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
        self._selector.unregister(requester)
        del self._requesters[requester.fileno()]
        requester.close()

    def _reap(self, pidfd: int) -> None:
        self._selector.unregister(pidfd)
        child = self._children.pop(pidfd)
        _, status = os.waitpid(child.pid, 0)
        child.report(os.waitstatus_to_exitcode(status))
        child.reports.close()
        os.close(pidfd)


def _prepare() -> None:
    """Make what all copies need: parser of arguments, schema, models, patterns of routes.

    Libraries of codecs are loaded as a worker loads them, and start no thread.
    """
    os.environ.update(process.environment())
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("imagesvc.cli.main").parser()
    importlib.import_module("imagesvc.service.outbound").user_agent()
    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
        importlib.import_module("imagesvc.store.db.sqlite.expected").differences(empty)
    operations = importlib.import_module("imagesvc.app.operations")
    operations.api_document()
    for operation in operations.OPERATIONS:
        compile_path(operation.path)
    argon2 = importlib.import_module("argon2")
    importlib.import_module("imagesvc.imaging.warmup").warm_up()
    vars(argon2)["PasswordHasher"] = functools.partial(argon2.PasswordHasher, **LITTLE_WORK)


def _run_copy(command: _Command | _Worker, passed: list[int]) -> NoReturn:
    """Run a command or worker and exit without the interpreter's cleanup of memory.

    The cleanup would copy most pages of the fork server.

    Args:
        command: what to run.
        passed: its standard streams, and a listening socket or channel if it has one.
    """
    for number, fd in enumerate(passed):
        os.dup2(fd, number)
    os.closerange(len(passed), os.sysconf("SC_OPEN_MAX"))
    status = command.run()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _is_requested(owner: socket.socket, listening: list[socket.socket]) -> bool:
    """Wait for the first requester, or the owner's end; returns whether there is a requester."""
    ready, _, _ = select.select([owner, *listening], [], [])
    return ready != [owner] or bool(owner.recv(1, socket.MSG_PEEK))


def main(owner: socket.socket, *listening: socket.socket) -> None:
    """Serve the owner, and those that connect to a socket if there is one."""
    if not _is_requested(owner, list(listening)):
        return
    _prepare()
    warnings.filterwarnings("error", category=SAWarning)
    gc.collect()
    gc.freeze()  # memory that the collector does not visit stays shared with the copies
    _ForkServer(owner, *listening).serve()


if __name__ == "__main__":
    main(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
