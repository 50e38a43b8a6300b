"""What browsers need to install the gallery, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.http.asking import picture
from tests.server import Server
from tests.web.test_pages import HTML, page_of


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts, below a path."""
    server = Server(
        tmp_path_factory.mktemp("below") / "data", auth="required", base_path="/photos"
    ).start()
    yield server
    server.close()


def test_the_manifest_names_icons_that_exist(below: Server) -> None:
    """Without a log-in, in the language of the reader, and below the path of the service."""
    page = page_of(below, "/photos/login")
    assert '<link rel="manifest" href="/photos/manifest.webmanifest"' in page.text

    answer = below.client.get("/photos/manifest.webmanifest", headers={"accept-language": "de"})

    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert manifest["description"] == "Fotos auf dem eigenen Server"
    assert {manifest[name] for name in ("id", "start_url", "scope")} == {"/photos/"}
    assert manifest["display"] == "standalone"
    assert manifest["share_target"]["action"] == "/photos/share-target"
    sizes = set()
    for icon in manifest["icons"]:
        drawn = Image.open(io.BytesIO(below.client.get(icon["src"]).content))
        assert icon["sizes"] == f"{drawn.width}x{drawn.height}"
        corner = drawn.convert("RGBA").getpixel((0, 0))
        assert isinstance(corner, tuple)
        assert corner[3] == (255 if icon["purpose"] == "maskable" else 0)
        sizes.add((icon["sizes"], icon["purpose"]))
    assert sizes >= {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}


def test_the_service_worker_is_current_and_loads_nothing(below: Server) -> None:
    """Its path gives it all pages of the gallery; browsers ask for a newer one."""
    answer = below.client.get("/photos/service-worker.js")

    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert "no-cache" in answer.headers["cache-control"]
    assert "share-target" in answer.text


def test_photos_that_no_service_worker_took_are_not_read(below: Server) -> None:
    """A page of another site may send such a form: nothing is stored."""
    answer = below.client.post(
        "/photos/share-target",
        files={"media": ("a.jpg", picture(), "image/jpeg")},
        headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site", **HTML},
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/photos/?shared=lost")
    assert below.blobs() == set()


def test_pages_of_visitors_cannot_be_installed(server: Server) -> None:
    """They have no account; the address of their page is a secret."""
    page = page_of(server, "/s/some-token-of-a-share")

    assert "manifest" not in page.text
