"""The documented commands of compose, carried out in what resembles the containers.

Two users without capabilities stand for those of the container: the user of the tests for the user
of the image, and `OTHER` for root, which may there no more than others. A volume belongs to the
user of the image only if the Dockerfile gives it the directory at this place.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.pictures import jpeg
from tests.server import Server

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root gives files to others, and setpriv gives up its rights",
)
ROOT = Path(__file__).parent.parent
OTHER = 10001
PROGRAMS = {
    "git": 'test "$1" != rev-parse || echo 0123abc',
    "sudo": 'exec "$@"',
    "docker": 'exec "$PYTHON" "$DOCKER" "$@"',
    "imagesvc": 'exec "$PYTHON" -m imagesvc "$@"',
}
DOCKER = """
import os, re, sys
kind, action, *rest = sys.argv[1:]
if kind != "compose" or action not in ("run", "exec"):
    raise SystemExit
command, user = rest[rest.index("imagesvc") + 1:], "own"
options = rest[:rest.index("imagesvc")]
if action == "run":
    program = "imagesvc"
    if "--entrypoint" in options:
        program = options[options.index("--entrypoint") + 1]
    command = [program, *command]
unprivileged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
if "--user" in options:
    unprivileged += ["--reuid=10001", "--regid=10001", "--clear-groups"]
placed = [re.sub("^/(data|backups|pictures)", os.environ["VOLUMES"] + r"/\\1", each)
          for each in command]
os.chdir(os.environ["VOLUMES"] + "/data")
os.execvp("setpriv", [*unprivileged, *placed])
"""


def blocks(page: str, heading: str) -> list[str]:
    """The commands of a section that use compose."""
    section = (ROOT / "docs" / page).read_text().partition(f"\n{heading}\n")[2]
    section = re.split(rf"\n#{{1,{heading.count('#')}}} ", section)[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [
        each for each in found if each.startswith(("docker", "git", "cp")) and "compose" in each
    ]


@pytest.fixture
def host() -> Iterator[Path]:
    """A clone with volumes as Docker makes them, in a parent that nothing may write to."""
    given = re.findall(r"install --directory .*(/\w+)", (ROOT / "Dockerfile").read_text())
    mounted = re.findall(r"- \S*:(/\w+)\n", (ROOT / "compose.yaml").read_text().split("caddy:")[0])
    assert {"/data", "/backups"} == {*mounted}
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        for name in ("bin", "clone", "volumes/pictures"):
            (Path(place) / name).mkdir(parents=True)
        for mount in mounted:
            volume = Path(f"{place}/volumes{mount}")
            volume.mkdir()
            if mount not in given:
                os.chown(volume, OTHER, OTHER)
        for name, script in PROGRAMS.items():
            (Path(place) / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (Path(place) / "bin" / name).chmod(0o755)
        (Path(place) / "docker.py").write_text(DOCKER)
        shutil.copy(ROOT / ".env.example", f"{place}/clone")
        Path(place, "volumes").chmod(0o555)
        yield Path(place)


def carry_out(host: Path, script: str) -> str:
    """Run a block as if it was pasted, but stop at the first command that fails."""
    environment = {
        "PATH": f"{host}/bin:{os.environ['PATH']}", "PYTHON": sys.executable,
        "DOCKER": f"{host}/docker.py", "VOLUMES": f"{host}/volumes", "HOME": "/nowhere",
        "IMAGESVC_DATA_DIR": f"{host}/volumes/data", "XDG_CACHE_HOME": f"{host}/clone",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=host / "clone", env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.breadth
def test_the_documented_commands_of_compose_need_no_capabilities(host: Path) -> None:
    """An installation, an import, an upgrade, the way back, and a restore."""
    data = host / "volumes" / "data"
    (install,) = blocks("operations.md", "## With compose")
    upgrade, go_back = blocks("operations.md", "## Upgrade")
    (restore,) = blocks("backup.md", "## Restore, step by step")
    (take,) = blocks("import.md", "## A folder")

    carry_out(host, install.rpartition("docker compose exec")[0])
    key = (host / "clone" / "secrets" / "imagesvc_admin_key").read_text()
    server = Server(data, auth="required").start()
    server.stop()
    server.close()
    link = carry_out(host, "docker compose exec" + install.rpartition("docker compose exec")[2])
    (host / "volumes" / "pictures" / "a.jpg").write_bytes(jpeg(1))
    carry_out(host, take)
    upgraded = carry_out(host, upgrade)
    (host / "volumes" / "pictures" / "b.jpg").write_bytes(jpeg(2))
    carry_out(host, take)
    carry_out(host, go_back)
    back = carry_out(host, "docker compose exec imagesvc imagesvc check")
    restored = carry_out(host, restore)

    assert key.startswith("isk_")
    assert "/setup#" in link
    assert "1 blobs verified" in upgraded
    assert "1 blobs verified" in back
    assert "2 blobs verified" in restored
    assert not (data / "webhooks-held").exists()
