"""Peers from their registries, each in a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

_PATIENCE_SECONDS = 600.0
_VERSIONS = (
    "import importlib.metadata as m; print('thumbor', m.version('thumbor') + ', Pillow',"
    " m.version('pillow'))"
)


class NotInstalled(Exception):
    """A peer that cannot be had here; the text says why."""


def ipx(folder: Path) -> str:
    """Install ipx from npm, unless it is there; what it is and which sharp it uses."""
    modules = folder / "node_modules"
    if not (modules / "ipx").is_dir():
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        _run("npm", "install", "--prefix", str(folder), *options, "ipx@latest")
    return f"ipx {_npm_version(modules / 'ipx')}, sharp {_npm_version(modules / 'sharp')}"


def thumbor(folder: Path) -> str:
    """Install thumbor from PyPI, unless it is there; what it is and which Pillow it uses."""
    python = folder / ".venv" / "bin" / "python"
    if not (python.parent / "thumbor").is_file():
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv"))
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
        _run(*pip, "install", "--quiet", "--disable-pip-version-check", "thumbor")
    return _run(str(python), "-c", _VERSIONS).strip()


def _npm_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text())["version"])


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise NotInstalled(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        raise NotInstalled(error.stderr.strip()[-500:] or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(str(error)) from error
    return done.stdout
