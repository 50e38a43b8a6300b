"""Use an installed imagesvc as a new user does; run by the Python that it is installed for.

The server must start, take an upload, make a variant, and send the gallery with all that its page
names. Only the standard library is used, so that nothing besides the distribution is tested.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

SECONDS = 60.0
BROWSER = {"Accept": "text/html"}
NAMED = re.compile(r'(?:href|src)="([^"#?]+\.(?:js|css|svg|png|webmanifest))"')


def main() -> None:
    """Try it, and print one line."""
    place = Path(sys.prefix) / "bin" / "imagesvc"
    with tempfile.TemporaryDirectory() as folder, served(place, Path(folder)) as base:
        image = json.loads(answer(base, "/api/v1/images?filename=a.png", body=png(64, 48)))
        variant = answer(base, f"/images/{image['id']}?w=16&format=webp")
        require(variant[8:12] == b"WEBP", "the variant is no WebP")
        page = answer(base, "/", BROWSER).decode()
        assets = {urljoin(f"{base}/", name) for name in NAMED.findall(page)}
        require(len(assets) > 1, "the page of the gallery names no assets")
        for asset in assets:
            require(bool(answer("", asset)), f"{asset} is empty")
    sys.stdout.write(f"imagesvc {version('imagesvc')} works on Python {sys.version.split()[0]}\n")


@contextlib.contextmanager
def served(program: Path, folder: Path) -> Iterator[str]:
    """A server without accounts at a free port; its URL."""
    command = [str(program), "serve", "--auth", "off", "--port", "0", "--workers", "1"]
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield url_of(process, log_path)
    finally:
        process.terminate()
        require(process.wait(SECONDS) == 0, "the server does not stop")


def url_of(process: subprocess.Popen[bytes], log_path: Path) -> str:
    """The URL that a server logs when it is ready."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log_path.read_text().splitlines():
            if '"service.ready"' in line:
                url: str = json.loads(line)["url"]
                return url
        time.sleep(0.05)
    raise SystemExit(f"the server does not start: {log_path.read_text()}")


def answer(
    base: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """The body of a response with status 2xx."""
    try:
        with urlopen(Request(base + path, body, headers or {}), timeout=SECONDS) as response:
            content: bytes = response.read()
            return content
    except URLError as error:
        raise SystemExit(f"{path}: {error}") from error


def require(is_met: bool, otherwise: str) -> None:
    """End with a message if a condition is not met."""
    if not is_met:
        raise SystemExit(otherwise)


def png(width: int, height: int) -> bytes:
    """A picture with a gradient."""
    rows = b"".join(
        b"\0" + bytes(x * 255 // width for x in range(width) for _ in range(3))
        for _ in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


if __name__ == "__main__":
    main()
