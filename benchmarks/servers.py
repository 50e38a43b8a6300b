"""The servers under measurement: imagesvc itself, and a bare uvicorn application."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from benchmarks.client import ROOT, Answer

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORE = CORES[-1]
_START_SECONDS = 60.0


class Server:
    """A server process on a free port; as a context it starts, gets ready, and is stopped."""

    def __init__(self, folder: Path, name: str, ready_path: str) -> None:
        self.folder = folder
        self.ready_path = ready_path
        self.log_path = folder / f"{name}.log"
        self.port = _free_port()
        self.process: subprocess.Popen[bytes]

    def command(self) -> list[str]:
        """The command line that serves on `self.port`."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What the server's environment has besides ours."""
        return {}

    def start(self) -> None:
        """Start the process, without waiting for anything."""
        own = {k: v for k, v in os.environ.items() if not k.startswith("IMAGESVC_")}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=own | {"PYTHONPATH": str(ROOT)} | self.environment(),
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> None:
        """Return as soon as the server says that it is ready."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.log_path.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the server did not get ready:\n{log}")
            time.sleep(0.002)

    def stop(self) -> None:
        """Ask it to stop, and kill it if it does not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def pin(self, core: int) -> None:
        """Let the server process, all threads of it, run on one core only; not its workers."""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})

    def memory(self) -> dict[str, int]:
        """VmRSS and VmHWM of the server process, without its workers, in bytes."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {name: int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}

    def reset_peak(self) -> None:
        """Make VmHWM start again from what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


class ImageService(Server):
    """`imagesvc serve` without accounts, other settings as by default, its data in the folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, "imagesvc", "/readyz")
        self.settings = {"auth": "off", **settings}

    def command(self) -> list[str]:
        """`imagesvc serve`, as an operator would start it."""
        flags = ["--port", str(self.port), "--data-dir", str(self.folder / "data")]
        return [sys.executable, "-m", "imagesvc", "serve", *flags]

    def environment(self) -> dict[str, str]:
        """The settings that a row needs to differ from their defaults."""
        return {f"IMAGESVC_{name.upper()}": value for name, value in self.settings.items()}


class BareServer(Server):
    """A uvicorn application that answers everything with one prepared answer."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        super().__init__(folder, "bare", "/")
        self.answer_path = folder / "bare.answer"
        heads = "".join(f"{name.lower()}: {value}\n" for name, value in answer.headers)
        self.answer_path.write_bytes(heads.encode("latin-1") + b"\n" + answer.body)

    def command(self) -> list[str]:
        """The application of `bare.py`."""
        return [sys.executable, "-m", "benchmarks.bare", str(self.port), str(self.answer_path)]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
