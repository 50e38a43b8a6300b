"""Probe and render files, each in a forked process under a worker's limits.

Reads a list of paths as JSON from standard input, and writes one JSON object for each path.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from imagesvc.errors import ImagesvcError, Rejected
from imagesvc.imaging.messages import Files
from imagesvc.imaging.render import render
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from imagesvc.model.transforms import Watermark
from tests.imaging.pictures import LIMITS, QUALITY, SpillFolder, mapped, probe

QUERIES = (
    "crop=0.2,0.2,0.5,0.5&w=100&h=100&fit=cover&gravity=smart&format=webp",
    "w=120&h=80&fit=pad&rotate=30&bg=336699&radius=9&wm=text&format=jpeg",
    "w=90&h=90&trim=20&sharpen=1&saturation=1.5&contrast=1.2&format=png",
    "w=64&h=64&frame=0&max_bytes=1500&format=webp",
)
"""Together they use every step.

Small files get one of them in turn, or all, in addition to what an upload makes of every file.
"""
MAX_ASKED_PIXELS = 300_000
MARKS = {"text": Watermark(text="corpus", opacity=0.6)}
ADDRESS_SPACE_BYTES = 2 << 30
SECONDS = 120


def attempt(path: str, asked: Sequence[str], folder: Path) -> dict[str, object]:
    """The result for one file: the refusal with its place, or facts about its variant."""
    try:
        found = probe(path, LIMITS)
    except ImagesvcError as error:
        return {"stage": "probe", "rejected": isinstance(error, Rejected), "error": repr(error)}
    original = Original(
        Digest("0" * 64),
        found.format,
        found.width,
        found.height,
        found.frames,
        has_alpha=found.has_alpha,
        decode_bytes=found.decode_bytes,
        decode_seconds=found.decode_seconds,
    )
    is_small = found.width * found.height * found.frames <= MAX_ASKED_PIXELS
    queries = ("w=256&h=256", *(asked if is_small else ()))
    wanted = [effective(parse_text(query), original, QUALITY, MARKS) for query in queries]
    given = Files(mapped(path), SpillFolder(folder))
    try:
        made, *_ = [render(given, it, LIMITS, MARKS) for it in wanted]
    except ImagesvcError as error:
        return {"stage": "render", "rejected": isinstance(error, Rejected), "error": repr(error)}
    canaries = [
        word for word in (b"secret-comment", b"trailing-junk") if word in (made.data or b"")
    ]
    return {"stage": "done", "leaked": [word.decode() for word in canaries], "frames": made.frames}


def isolated(path: str, asked: Sequence[str], folder: Path) -> dict[str, object]:
    """`attempt` in a separate process; also its processor time, peak memory and any crash."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        signal.alarm(SECONDS)
        os.write(writer, json.dumps(attempt(path, asked, folder)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(child, 0)
    outcome: dict[str, object] = json.loads(text) if text else {"stage": "crash"}
    outcome |= {"seconds": usage.ru_utime + usage.ru_stime, "rss_kib": usage.ru_maxrss}
    return outcome | {"exit": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Process the paths one after the other."""
    turns = [QUERIES] if sys.argv[1:] == ["--all-queries"] else [(query,) for query in QUERIES]
    with tempfile.TemporaryDirectory() as folder:
        for path, asked in zip(json.load(sys.stdin), itertools.cycle(turns), strict=False):
            outcome = {"path": path, **isolated(path, asked, Path(folder))}
            print(json.dumps(outcome), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
