"""Headless Chromium, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--window-size=800,600", "--dump-dom",
)  # fmt: skip


PROGRAMS = ("chromium-headless-shell", "chromium")
"""The first takes less than half the processor time: it has no windows."""


def chromium() -> str:
    """The program; the test is skipped if there is none."""
    for name in PROGRAMS:
        if program := shutil.which(name):
            return program
    pytest.skip("Chromium is not installed: apt-get install chromium-headless-shell")


def browsed(url: str, profile: Path, *, script_seconds: int = 0) -> str:
    """A page after it was loaded.

    Args:
        url: where it is.
        profile: a new folder for what the browser keeps.
        script_seconds: the page's own time that its scripts may take after that; it passes at once
            while they wait for nothing, and stands still while they wait for an answer.
    """
    options = [*OPTIONS, f"--user-data-dir={profile}"]
    if script_seconds:
        options.append(f"--virtual-time-budget={script_seconds * 1000}")
    return subprocess.run(
        [chromium(), *options, url], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
