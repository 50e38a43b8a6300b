"""A real server process for tests: started, asked over HTTP, stopped or killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

READY_SECONDS = 30.0


class Server:
    """One `imagesvc serve` on a data directory; `settings` become IMAGESVC_* variables.

    A test that needs accounts says `auth="required"`.
    """

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        self.data_dir = data_dir
        self.settings: dict[str, Any] = {"auth": "off", **settings}
        self.port = _free_port()
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.clients: list[httpx.Client] = []  # others than the stranger's, to be closed with it
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60.0)

    def start(self, path: str = "/readyz") -> Server:
        """Start the process and wait until it is ready, or says 200 at another path."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("IMAGESVC_")
        }
        environment |= {
            f"IMAGESVC_{name.upper()}": str(value) for name, value in self.settings.items()
        }
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "imagesvc", "serve", "--port", str(self.port),
                 "--data-dir", str(self.data_dir)],
                env=environment, stdout=log, stderr=log, cwd=self.data_dir.parent,
            )  # fmt: skip
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.log()[-2000:]}")
            try:
                if self.client.get(path).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"the server is not ready: {self.log()[-2000:]}")

    @property
    def pid(self) -> int:
        """The server process, not its workers."""
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """Everything it has logged, over all its starts."""
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM, as an operator would; its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def close(self) -> None:
        """End it however it can be ended."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        for client in [self.client, *self.clients]:
            client.close()

    def upload(self, content: bytes, filename: str = "a.jpg", **fields: str) -> dict[str, Any]:
        """Upload one file that must be taken; the image."""
        answer = self.client.post(
            "/api/v1/images", files={"file": (filename, content)}, data=fields
        )
        assert answer.status_code == 201, answer.text
        image: dict[str, Any] = answer.json()
        return image

    def finished(self, job_id: str, seconds: float = 60.0) -> dict[str, Any]:
        """Poll a job until it has ended; the job."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.client.get(f"/api/v1/jobs/{job_id}").json()
            if job["status"] in {"succeeded", "failed", "cancelled"}:
                return job
            time.sleep(0.02)
        raise AssertionError(f"the job did not end: {job}")

    def blobs(self) -> set[str]:
        """The digests of the blobs on disk."""
        return {path.name for path in (self.data_dir / "blobs").rglob("*") if path.is_file()}

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the command line on the same data directory."""
        return subprocess.run(
            [sys.executable, "-m", "imagesvc", *arguments, "--data-dir", str(self.data_dir)],
            capture_output=True, text=True, timeout=120, check=False, cwd=self.data_dir.parent,
        )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
