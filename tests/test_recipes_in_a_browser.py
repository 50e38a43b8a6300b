"""The HTML of docs/recipes.md in a real browser, if Chromium is installed."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import recipes
from tests.accounts import Account
from tests.chromium import browsed
from tests.http.asking import picture
from tests.server import Server

REPORT = """
<script>
  addEventListener("load", () => {
    for (const image of document.images) image.dataset.seen = image.naturalWidth;
  });
</script>
"""


@contextlib.contextmanager
def site(html: str) -> Iterator[str]:
    """A site of one page, isolated so that it embeds only permitted resources (COEP); its URL."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("cross-origin-embedder-policy", "require-corp")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.breadth
def test_a_page_of_another_site_shows_pictures(
    guarded: Server, admin: Account, tmp_path: Path
) -> None:
    """Public ones in the required width, and private ones only by signed URLs."""
    base = f"http://127.0.0.1:{guarded.port}"
    shared, private = (
        admin.client.post(
            "/images", content=picture(seed, (2400, 1600)), params={"visibility": visibility}
        ).json()["id"]
        for seed, visibility in enumerate(("unlisted", "private"))
    )
    signed = admin.client.post(
        f"/api/v1/images/{private}/signed-urls", json={"operations": [{"w": 300}]}
    ).json()["data"][0]["url"]
    html = "".join(recipes.blocks(name, "html")[0] for name in ("srcset", "picture"))
    html = recipes.filled(html, url=base, image_id=shared).replace('loading="lazy"', "")
    html += f'<img src="{base}{signed}"><img src="{base}/images/{private}">{REPORT}'

    with site(f"<!doctype html><html><body>{html}</body></html>") as url:
        page = browsed(url, tmp_path / "profile")

    assert re.findall(r'data-seen="(\d+)"', page) == ["800", "800", "300", "0"], page
