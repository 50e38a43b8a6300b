"""Every file of a given folder (`TEST_FOLDER`) is refused, or has its thumbnail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
Outcome = dict[str, Any]


def ran(paths: list[str], *options: str) -> list[Outcome]:
    """The result of each file, with options of the runner."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.imaging.corpus_runner", *options],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def decodes_with_pillow(path: Path) -> bool:
    """Whether another decoder can decode a file."""
    try:
        with Image.open(path) as picture:
            picture.load()
    except Exception:  # noqa: BLE001 - whatever it raises
        return False
    return True


@pytest.mark.timeout(1800)
@pytest.mark.skipif("TEST_FOLDER" not in os.environ, reason="TEST_FOLDER names no folder")
def test_every_file_of_a_folder_is_refused_or_has_its_thumbnail() -> None:
    """The folder may contain any set of files; `TEST_FOLDER` names it."""
    paths = sorted(it for it in Path(os.environ["TEST_FOLDER"]).rglob("*") if it.is_file())

    found = ran([str(path) for path in paths])

    assert len(found) == len(paths)
    assert [it for it in found if it["stage"] not in {"done", "probe", "render"}] == []
    failed = [it for it in found if it["stage"] == "render"]
    assert [it for it in failed if decodes_with_pillow(Path(it["path"]))] == []
