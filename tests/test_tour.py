"""The tour of the API is run as it is written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.accounts import admin_of
from tests.breadth import represented
from tests.server import Server, reserve_port
from tests.waiting import PATIENCE

TOUR = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
PROMISE = re.compile(r"^(?P<command>\S.*?)\s+# → (?P<printed>.+)$", re.MULTILINE)
CHECKED = """expected=$(cat <<'PRINTED'
{printed}
PRINTED
)
printed=$({command})
[ "$printed" = "$expected" ]
"""


README = (Path(__file__).parent.parent / "README.md").read_text()
(SESSION,) = re.findall(r"^## Try it$.*?^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def script() -> str:
    """The commands of the page; the output of each is compared with the promised one."""
    blocks = re.findall(r"^```sh\n(.*?)^```", TOUR, re.DOTALL | re.MULTILINE)
    commands = re.sub(r"\\\n\s*", "", "\n".join(blocks))
    checked = PROMISE.sub(lambda match: CHECKED.format(**match.groupdict()), commands)
    return f"set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{checked}"


def make_photo(place: Path) -> None:
    """The photograph that the pages upload."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    Image.effect_noise((1200, 800), 40).convert("RGB").save(place / "photo.jpg", "JPEG")


def environment(**more: str) -> dict[str, str]:
    """The environment of a shell with imagesvc on the path."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESVC_")}
    return own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | more


@pytest.mark.breadth
def test_every_command_of_the_tour_does_what_the_page_says(tmp_path: Path) -> None:
    """New users paste these commands."""
    make_photo(tmp_path)
    made = tmp_path / "made"
    made.mkdir()
    with (
        reserve_port() as first,
        reserve_port() as second,
        (tmp_path / "trace").open("w") as trace,
    ):
        ports = {"8000": first.getsockname()[1], "9000": second.getsockname()[1]}
        commands = re.sub(r"\b(8000|9000)\b", lambda match: str(ports[match[0]]), script())
        done = subprocess.run(
            ["timeout", str(2 * PATIENCE), "bash", "-xc", commands],
            cwd=tmp_path, env=environment(TMPDIR=str(made)),
            stdout=trace, stderr=trace, check=False,
        )  # fmt: skip

    assert done.returncode == 0, (tmp_path / "trace").read_text()[-3000:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "photo.jpg", "trace"]
    assert list(made.iterdir()) == []


def test_the_session_of_the_readme_ends_without_a_server_or_a_photo(tmp_path: Path) -> None:
    """It ends with a few lines that name the cause; earlier it polled a missing job without end."""
    with reserve_port() as reservation:
        port = str(reservation.getsockname()[1])
        done = subprocess.run(
            ["timeout", str(PATIENCE), "bash", "-c", SESSION],
            cwd=tmp_path, env=environment(TMPDIR=str(tmp_path), IMAGESVC_PORT=port),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode != 124
    assert "curl: (" in done.stderr


@pytest.mark.parametrize("auth", represented(["off", "required"], "required"))
def test_the_session_of_the_readme_works_with_and_without_accounts(
    tmp_path: Path, auth: str
) -> None:
    """It is run unchanged, after `make run`; with accounts, after the key was exported."""
    make_photo(tmp_path)
    made = tmp_path / "made"
    made.mkdir()
    server = Server(tmp_path / "data", auth=auth).start()
    before = sorted(tmp_path.iterdir())
    try:
        key = {} if auth == "off" else {"IMAGESVC_KEY": admin_of(server).key}
        done = subprocess.run(
            ["timeout", str(2 * PATIENCE), "bash", "-ec", SESSION],
            cwd=tmp_path,
            env=environment(TMPDIR=str(made), IMAGESVC_PORT=str(server.port), **key),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        server.close()

    assert re.findall(r"HTTP/1.1 (\d+)", done.stdout) == ["415", "204"]
    assert done.stdout.endswith("404\n404\n404\n")
    assert sorted(tmp_path.iterdir()) == before
    (folder,) = made.iterdir()
    with Image.open(folder / "thumbnail.jpg") as thumbnail:
        assert thumbnail.size == (256, 171)
    assert (folder / "small.webp").read_bytes()[8:12] == b"WEBP"
