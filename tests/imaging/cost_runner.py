"""Predicted and measured cost of renderings, each in a forked process.

Reads a list of [path, query] as JSON from standard input, and writes one JSON object for each: the
prediction, the growth of the peak resident size, and the processor time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from imagesvc.errors import ImagesvcError
from imagesvc.imaging.messages import Files
from imagesvc.imaging.render import render
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.imaging.variant_plan import plan_variant
from tests.imaging.originals import probed
from tests.imaging.pictures import LIMITS, QUALITY, SpillFolder, mapped


def measured(path: str, query: str, spill_dir: str) -> dict[str, object]:
    """The predicted and the actual cost of one rendering."""
    original, files = probed(path), Files(mapped(path), SpillFolder(Path(spill_dir)))
    transform = effective(parse_text(query), original, QUALITY)
    predicted = plan_variant(transform, original).cost
    before, began = _status("VmRSS"), time.process_time()
    render(files, transform, LIMITS)
    return {
        "memory": predicted.memory,
        "seconds": predicted.seconds,
        "grown": _status("VmHWM") - before,
        "used": time.process_time() - began,
    }


def isolated(path: str, query: str, spill_dir: str) -> dict[str, object]:
    """`measured` in a separate process, whose peak is that of this rendering only."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = measured(path, query, spill_dir)
        except ImagesvcError as error:
            outcome = {"error": repr(error)}
        os.write(writer, json.dumps(outcome).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, object] = json.loads(text) if text else {"error": "it crashed"}
    return found


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0]) * 1024


def main() -> None:
    """Process the renderings one after the other."""
    with tempfile.TemporaryDirectory() as spill_dir:
        for path, query in json.load(sys.stdin):
            outcome = isolated(path, query, spill_dir)
            print(json.dumps({"path": path, "query": query, **outcome}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
