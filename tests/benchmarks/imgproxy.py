"""A stand-in for imgproxy: the options that the benches use, for files of a folder."""

from __future__ import annotations

import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyvips

_URL = re.compile(
    r"/unsafe(?:/rs:fit:(?P<width>\d+))?(?:/bl:(?P<blur>[\d.]+))?/q:(?P<q>\d+)"
    r"/plain/local:///(?P<name>[\w.]+)@(?P<format>\w+)"
)


class Handler(BaseHTTPRequestHandler):
    """Answers one variant for each request, on connections that are kept alive."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Make the variant, or answer 404."""
        if self.path == "/health":
            self._answer(200, b"imgproxy is running")
        elif match := _URL.fullmatch(self.path):
            self._answer(200, _variant(**match.groupdict()))
        else:
            self._answer(404, b"Invalid URL")

    def log_message(self, *_arguments: object) -> None:
        """Write no access log."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _variant(name: str, format: str, q: str, width: str | None, blur: str | None) -> bytes:  # noqa: A002 - of the URL
    path = str(Path(os.environ["IMGPROXY_LOCAL_FILESYSTEM_ROOT"]) / name)
    frames = int(os.environ.get("IMGPROXY_MAX_ANIMATION_FRAMES", "1"))
    options = "[n=-1]" if frames > 1 and name.endswith(".gif") else ""
    image = (
        pyvips.Image.thumbnail(f"{path}{options}", int(width), height=10_000_000, size="down")
        if width
        else pyvips.Image.new_from_file(path)
    )
    if blur:
        image = image.gaussblur(float(blur))
    written: bytes = image.write_to_buffer(f".{format}", Q=int(q))
    return written


if __name__ == "__main__":
    host, port = os.environ["IMGPROXY_BIND"].split(":")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
