"""What the server process holds while large uploads pass through it."""

from __future__ import annotations

import threading
from pathlib import Path

from benchmarks import client, plan
from benchmarks.photos import distinct
from benchmarks.report import Bench, Row
from benchmarks.servers import ImageService, Server

_UPLOADS = 32
_FILE_BYTES = (50 << 20) - (1 << 16)
_TARGET_BYTES = 64 << 20


def run(bench: Bench) -> list[Row]:
    """Upload 32 files of 50 MiB at once: photos followed by zeros that no decoder reads."""
    folder = bench.fresh("memory")
    tail = folder / "tail"
    with ImageService(folder) as service:
        requests = tuple(_multipart(bench.photos.small, tail, n) for n in range(_UPLOADS))
        idle = service.memory()["VmRSS"]
        service.reset_peak()
        sampler = _Sampler(service)
        sampler.start()
        outcome = client.run(plan.Plan(service.port, requests, _UPLOADS, keep_bodies=True))
        sampler.stop()
        peak = service.memory()["VmHWM"]
        outcome.expect(201)
    growth = peak - idle
    return [
        Row(
            f"memory of the server, {_UPLOADS} uploads of 50 MiB at once",
            "≤ idle + 64 MiB",
            f"idle + {_mib(growth)}",
            growth <= _TARGET_BYTES,
            f"idle {_mib(idle)}, peak {_mib(peak)}, median {_mib(sampler.median())}; "
            f"{_UPLOADS * _FILE_BYTES / outcome.seconds / 1e6:,.0f} MB/s",
        )
    ]


def _multipart(photo: Path, tail: Path, number: int) -> plan.Request:
    """An upload as a browser's form sends it; the tail is shared on disk, and mapped."""
    image = distinct(photo, number + 100)  # three digits, so that all are of one length
    if not tail.exists():
        with tail.open("wb") as file:
            file.truncate(_FILE_BYTES - len(image))
    head = (
        "--bench\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{number}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    media_type = "multipart/form-data; boundary=bench"
    return plan.post("/api/v1/images", media_type, head + image, tail, b"\r\n--bench--\r\n")


class _Sampler(threading.Thread):
    """Reads the resident size of a server a hundred times a second."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.sizes: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.01):
            self.sizes.append(self.server.memory()["VmRSS"])

    def stop(self) -> None:
        """End the sampling."""
        self.done.set()
        self.join()

    def median(self) -> int:
        """The resident size in the middle of all."""
        return sorted(self.sizes)[len(self.sizes) // 2]


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
