"""What the machine itself can do: the libvips calls and the disk, with no server around them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Self

import pyvips

_ANY_HEIGHT = 10_000_000
_KERNEL_CUT = 0.05  # libvips' default, 0.2, is a tenth faster, and a too narrow Gaussian


@dataclass(frozen=True, slots=True)
class Render:
    """One variant to make: the photo within a box, blurred by a sigma unless that is 0."""

    photo: str
    width: int  # 0: in full size
    height: int = _ANY_HEIGHT
    quality: int = 80
    suffix: str = ".jpg"
    blur: float = 0.0
    is_animated: bool = False  # only for servers: `run` takes the first frame

    def run(self) -> bytes:
        """Decode, resize and encode."""
        image = self._decoded()
        if self.blur:
            image = image.gaussblur(self.blur, min_ampl=_KERNEL_CUT, precision="integer")
        data: bytes = image.write_to_buffer(self.suffix, Q=self.quality, keep="none")
        return data

    def _decoded(self) -> pyvips.Image:
        if not self.width:
            return pyvips.Image.new_from_file(self.photo, access="sequential", fail_on="error")
        return pyvips.Image.thumbnail(
            self.photo, self.width, height=self.height, size="down", fail_on="error"
        )


class RenderProcesses:
    """As many processes as cores, each with one libvips thread, started ahead."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.turn = context.Value("q", 0)
        pairs = [context.Pipe() for _ in range(count)]
        self.pipes = [ours for ours, _ in pairs]
        self.processes = [
            context.Process(target=_serve, args=(theirs, self.turn), daemon=True)
            for _, theirs in pairs
        ]

    def seconds(self, renders: Sequence[Render]) -> float:
        """How long all processes together take for all renders, each taking the next one."""
        self.turn.value = 0
        for pipe in self.pipes:
            pipe.send(renders)
        for pipe in self.pipes:
            pipe.recv()  # the renders have arrived: now the clock starts for all
        started = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(None)
        for pipe in self.pipes:
            pipe.recv()
        return time.perf_counter() - started

    def __enter__(self) -> Self:
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes:
            process.kill()
            process.join()


def _serve(pipe: Connection, turn: Synchronized[int]) -> None:
    pyvips.vips_lib.vips_concurrency_set(1)
    pyvips.cache_set_max(0)
    while True:
        renders: Sequence[Render] = pipe.recv()
        pipe.send(None)
        pipe.recv()
        while (index := _next(turn)) < len(renders):
            renders[index].run()
        pipe.send(None)


def _next(turn: Synchronized[int]) -> int:
    with turn.get_lock():
        index = turn.value
        turn.value += 1
        return index


def durable_write_seconds(folder: Path, files: Sequence[bytes], concurrency: int) -> float:
    """How long it takes to write the files so that a power cut loses none of them."""
    folder.mkdir()
    started = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as threads:
        numbers = range(len(files))
        list(threads.map(lambda number: _write(folder, str(number), files[number]), numbers))
    return time.perf_counter() - started


def _write(folder: Path, name: str, data: bytes) -> None:
    temporary = folder / f"{name}.tmp"
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
