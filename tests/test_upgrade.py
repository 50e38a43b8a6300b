"""The documented installation and upgrade, beside a server that runs meanwhile."""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.server import reserve_port
from tests.waiting import until

ROOT = Path(__file__).parent.parent
PROGRAMS = {
    "sudo": 'exec "$@"',
    "git": 'test "$1" != rev-parse || cat commit',
    "systemctl": "",
    "python3": 'exec "$PYTHON" "$@"',
}
SOURCES = ("imagesvc", "ops", "pyproject.toml", "README.md", "LICENSE", "constraints.txt")


def commands(heading: str) -> str:
    """The first commands of a section that install a version."""
    section = (ROOT / "docs" / "operations.md").read_text().partition(f"\n{heading}\n")[2]
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return next(each for each in blocks if "pip" in each)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A clone at the documented place, and programs that stand for those of a machine."""
    for name in ("bin", "opt", "src", "lib", "etc", "backups"):
        (tmp_path / name).mkdir()
    for name, script in PROGRAMS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / "src" / name)
    (tmp_path / "src" / "commit").write_text("0001")
    return tmp_path


def carry_out(machine: Path, script: str) -> None:
    """Run commands of the page; libraries are those of the tests, not installed again."""
    for documented, own in (
        ("sudo -u imagesvc ", ""),
        ("/opt/imagesvc", f"{machine}/opt/imagesvc"),
        ("/usr/local/src/imagesvc", f"{machine}/src"),
        ("/var/lib/imagesvc", f"{machine}/lib"),
        ("/mnt/backups/imagesvc", f"{machine}/backups"),
        ("/etc/systemd/system/", f"{machine}/etc"),
    ):
        script = script.replace(documented, own)
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=machine / "src", env=environment(machine),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def environment(machine: Path) -> dict[str, str]:
    """Of the commands and of the server."""
    return {
        "PATH": f"{machine}/bin:{os.environ['PATH']}", "PYTHON": sys.executable,
        "PYTHONPATH": site.getsitepackages()[0], "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_IGNORE_INSTALLED": "1",
    }  # fmt: skip


@pytest.fixture
def serving(machine: Path) -> Iterator[httpx2.Client]:
    """A server of the first version."""
    script = commands("## With systemd")
    lines = [line for line in script.splitlines() if "pip" in line or line.startswith("new=")]
    carry_out(machine, "\n".join(lines))
    reserved = reserve_port()
    port = str(reserved.getsockname()[1])
    reserved.close()
    process = subprocess.Popen(
        [machine / "opt/imagesvc/bin/imagesvc", "serve", "--port", port, "--data-dir", "data"],
        cwd=machine / "lib", env=environment(machine) | {"IMAGESVC_AUTH": "off"},
    )  # fmt: skip
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            until(lambda: is_ready(client))
            yield client
        finally:
            process.terminate()
            process.wait()


def is_ready(client: httpx2.Client) -> bool:
    """Whether the server answers."""
    try:
        return client.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.long
def test_an_upgrade_changes_no_file_of_the_running_server(
    machine: Path, serving: httpx2.Client
) -> None:
    """Its first page comes after the upgrade, from the templates of its own version."""
    for template in (machine / "src/imagesvc/web/templates").iterdir():
        template.write_text("{{ of_another_version }}")
    (machine / "src" / "commit").write_text("0002")

    carry_out(machine, commands("## Upgrade"))

    page = serving.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200, page.text
    assert "<main" in page.text
    new = machine / "opt/imagesvc"
    assert new.resolve().name == "imagesvc-0002"
    (installed,) = new.glob("lib/*/site-packages/imagesvc/web/templates/base.html")
    assert "of_another_version" in installed.read_text()
    assert (machine / "lib/before-upgrade").read_text().strip().endswith("/opt/imagesvc-0001")
