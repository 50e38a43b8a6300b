"""A real server process for tests: started, used over HTTP, stopped or killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests import buckets, commands, databases
from tests.commands import Process
from tests.waiting import PATIENCE, until

PATIENT = dict.fromkeys(("job_timeout", "transform_timeout", "keep_alive_timeout"), f"{PATIENCE}s")
"""Time limits that a busy machine may exceed in tests of other features."""


class Server:
    """One `imagesvc serve` on a data directory; `settings` become IMAGESVC_* variables.

    A test that needs accounts sets `auth="required"`, and a test that needs concurrent work sets
    `workers`; a setting that is None has its default. The process is forked from one that has
    loaded the modules, unless it `has_own_interpreter`. With PostgreSQL it `has_worker`, too.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        has_own_interpreter: bool = False,
        has_worker: bool = True,
        **settings: Any,
    ) -> None:
        self.data_dir = data_dir
        self.open_files: int | None = None  # its limit, if it is not that of the tests
        self.settings: dict[str, Any] = {
            "auth": "off", "workers": 1, **PATIENT, **databases.settings_of(data_dir), **settings,
        }  # fmt: skip
        self._reservation = reserve_port()
        self.port: int = self._reservation.getsockname()[1]
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self.has_own_interpreter = has_own_interpreter
        self.process: subprocess.Popen[bytes] | Process | None = None
        self.has_worker = has_worker
        self.worker: Worker | None = None  # runs the jobs, with PostgreSQL
        self.clients: list[httpx2.Client] = []  # others than the stranger's, to be closed with it
        # A request must not meet the end of an idle connection's time.
        idle = 0 if "keep_alive_timeout" in settings else 20
        self.client = new_client(
            base_url=f"http://127.0.0.1:{self.port}",
            limits=httpx2.Limits(max_keepalive_connections=idle),
        )

    def start(self, path: str = "/readyz") -> Server:
        """Start the process and wait until it is ready, or until another path returns 200."""
        settings = {name: value for name, value in self.settings.items() if value is not None}
        arguments = ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        with self.log_path.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            if self.has_own_interpreter:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "imagesvc", *arguments],
                    env=commands.environment(**settings), cwd=self.data_dir.parent,
                    stdin=nothing, stdout=log, stderr=log,
                )  # fmt: skip
            else:
                self.process = commands.start(
                    *arguments, directory=self.data_dir.parent, streams=(nothing, log, log),
                    open_files=self.open_files, **settings,
                )  # fmt: skip
        if self.has_worker and self.settings.get("database_url") is not None:
            self.worker = Worker(self.data_dir, **settings).start()
        until(self._listens_or_ended)
        until(lambda: self._answers(path))
        return self

    def _listens_or_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or self._listens()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except ConnectionError:
            return False
        return True

    def _answers(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended: {self.log()[-2000:]}"
        try:
            return self.client.get(path).status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def runner(self) -> Server | Worker:
        """What runs its jobs."""
        return self.worker or self

    @property
    def pid(self) -> int:
        """The server process, not its workers."""
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """The complete log of all its starts."""
        return self.log_path.read_text(errors="replace")

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The complete lines of the log that are JSON with these members.

        Lines about requests and refused connections are written a moment after the response.
        """
        complete = self.log().rpartition("\n")[0].splitlines()
        parsed = [json.loads(line) for line in complete if line.startswith("{")]  # not the key
        return [line for line in parsed if wanted.items() <= line.items()]

    def kill(self) -> None:
        """Send SIGKILL, without a chance to clean up."""
        assert self.process is not None
        self._close_worker()
        self.process.kill()
        self.process.wait()

    def begin_stop(self) -> None:
        """Send SIGTERM, like an operator; wait until it accepts no more connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        until(lambda: not self._listens())

    def stop(self) -> int:
        """Send SIGTERM, and wait for the end; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.worker is not None:
            self.worker.stop()
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it immediately: the test is over, and does not wait for remaining work."""
        if self.process is not None and self.process.poll() is None:
            _continue_children(self.pid)
            self.kill()
        self._close_worker()
        for client in [self.client, *self.clients]:
            client.close()
        self._reservation.close()

    def _close_worker(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def upload(self, content: bytes, filename: str = "a.jpg", **fields: str) -> dict[str, Any]:
        """Upload one file that must be accepted; returns the image."""
        answer = self.client.post(
            "/api/v1/images", files={"file": (filename, content)}, data=fields
        )
        assert answer.status_code == 201, answer.text
        image: dict[str, Any] = answer.json()
        return image

    def finished(self, job_id: str) -> dict[str, Any]:
        """Poll a job until it has ended; returns the job."""

        def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = self.client.get(f"/api/v1/jobs/{job_id}").json()
            return job if job["status"] in {"succeeded", "failed", "cancelled"} else None

        return until(ended)

    def held(self) -> list[str]:
        """The connections of clients and the originals that the server process has open.

        It opens other descriptors when it first needs them, such as connections to the database.
        """
        connections = _connections_to(self.port)
        found = []
        for handle in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = str(handle.readlink())
                if target in connections or "/blobs/" in target:
                    found.append(target)
        return found

    def blobs(self) -> set[str]:
        """The digests of the blobs on disk, or in the bucket."""
        return {name.partition("/")[0] for name in self.stored("blobs")}

    def stored(self, folder: str) -> set[str]:
        """The names of the files or objects of `blobs` or `variants`."""
        if (url := self.settings.get("blob_url")) is not None:
            return set(buckets.objects_in(url, folder))
        return {path.name for path in (self.data_dir / folder).rglob("*") if path.is_file()}

    def rename_blob(self, digest: str) -> str:
        """Give a blob another name in its store; returns that."""
        (name,) = (name for name in self.stored("blobs") if name.startswith(digest))
        if (url := self.settings.get("blob_url")) is not None:
            new = f"{digest}/{uuid4().hex}"
            buckets.rename(url, f"blobs/{name}", f"blobs/{new}")
        else:
            new = f"{name}-moved"
            old = self._path(name)
            old.rename(old.with_name(new))
        return new

    def _path(self, name: str) -> Path:
        return self.data_dir / "blobs" / name[:2] / name[2:4] / name

    def lose(self, digest: str) -> None:
        """Remove a blob behind the back of the server."""
        (name,) = (name for name in self.stored("blobs") if name.startswith(digest))
        if (url := self.settings.get("blob_url")) is not None:
            buckets.remove(url, f"blobs/{name}")
        else:
            self._path(name).unlink()

    def cli(self, *arguments: str, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run another command of the command line on the same data directory."""
        return commands.run(
            *arguments, "--data-dir", str(self.data_dir), directory=self.data_dir.parent,
            patience=patience, **databases.settings_of(self.data_dir),
        )  # fmt: skip


class Worker:
    """One `imagesvc worker`, forked as servers are; `settings` become IMAGESVC_* variables."""

    def __init__(self, data_dir: Path, *, name: str = "worker", **settings: Any) -> None:
        self.data_dir = data_dir
        self.settings: dict[str, Any] = {"auth": "off", "workers": 1, **settings}
        self.log_path = data_dir.parent / f"{data_dir.name}-{name}.log"
        self.process: Process | None = None

    def start(self) -> Worker:
        """Start the process; it is not ready yet."""
        arguments = ["worker", "--data-dir", str(self.data_dir)]
        with self.log_path.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self.process = commands.start(
                *arguments, directory=self.data_dir.parent, streams=(nothing, log, log),
                **self.settings,
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int:
        """The worker, not the processes of its pool."""
        assert self.process is not None
        return int(self.process.pid)

    def send(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """Send SIGTERM, and wait for the end; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it immediately."""
        assert self.process is not None
        if self.process.poll() is None:
            _continue_children(self.process.pid)
            self.process.kill()
            self.process.wait()

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The complete lines of its log with these members."""
        complete = self.log_path.read_text(errors="replace").rpartition("\n")[0].splitlines()
        parsed = [json.loads(line) for line in complete if line.startswith("{")]
        return [line for line in parsed if wanted.items() <= line.items()]


def _continue_children(pid: int) -> None:
    """Continue processes that a test has stopped: such a one cannot end with its parent."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for child in path.read_text().split():
                os.kill(int(child), signal.SIGCONT)


def new_client(**options: Any) -> httpx2.Client:
    """A client that does not load the certificates of authorities, which takes 25 ms."""
    return httpx2.Client(**{"timeout": PATIENCE, "verify": False, **options})


def request_once(method: str, url: str, **options: Any) -> httpx2.Response:
    """The response to a client that has sent nothing before."""
    with new_client() as client:
        return client.request(method, url, **options)


def reserve_port() -> socket.socket:
    """A socket bound to a free port, so that no other process gets the port.

    It does not listen and has SO_REUSEADDR, so Linux lets the server bind the port as well.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation


def _connections_to(port: int) -> set[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return {
        f"socket:[{row[9]}]"
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] != listening
    }
