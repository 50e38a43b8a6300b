"""The tour of the API is carried out as it is written."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

TOUR = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
PROMISE = re.compile(r"^(?P<command>\S.*?)\s+# → (?P<printed>.+)$", re.MULTILINE)
CHECKED = """expected=$(cat <<'PRINTED'
{printed}
PRINTED
)
printed=$({command})
[ "$printed" = "$expected" ]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def script() -> str:
    """The commands of the page; each that promises what it prints is held to it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", TOUR, re.DOTALL | re.MULTILINE)
    commands = re.sub(r"\\\n\s*", "", "\n".join(blocks))
    checked = PROMISE.sub(lambda match: CHECKED.format(**match.groupdict()), commands)
    return f"set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{checked}"


def test_every_command_of_the_tour_does_what_the_page_says(tmp_path: Path) -> None:
    """A newcomer pastes these; a page that lies is worse than none."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    picture = io.BytesIO()
    Image.effect_noise((1200, 800), 40).convert("RGB").save(picture, "JPEG")
    (tmp_path / "photo.jpg").write_bytes(picture.getvalue())
    ports = {"8000": str(free_port()), "9000": str(free_port())}
    commands = re.sub(r"\b(8000|9000)\b", lambda match: ports[match[0]], script())
    home = Path(sys.executable).parent
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("IMAGESVC_")
    } | {"PATH": f"{home}:{os.environ['PATH']}"}

    with (tmp_path / "trace").open("w") as trace:
        done = subprocess.run(
            ["timeout", "100", "bash", "-xc", commands],
            cwd=tmp_path, env=environment, stdout=trace, stderr=trace, check=False,
        )  # fmt: skip

    assert done.returncode == 0, (tmp_path / "trace").read_text()[-3000:]
