"""`format=auto` over HTTP."""

from __future__ import annotations

import pytest

from tests.http.asking import picture
from tests.server import Server

pytestmark = pytest.mark.joint

AVIF, WEBP, ANY = "image/avif,image/webp,*/*;q=0.8", "image/webp,*/*;q=0.8", "*/*"


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    """A URL that may negotiate."""
    return f"/images/{server.upload(picture())['id']}?w=64&format=auto"


def test_each_requester_gets_its_best_format_cold_and_hot(server: Server, url: str) -> None:
    """The remembered response of one requester must not be sent to another."""
    asked = {AVIF: "image/avif", WEBP: "image/webp", ANY: "image/jpeg"}

    for _ in range(3):
        types = {
            accept: server.client.get(url, headers={"accept": accept}).headers["content-type"]
            for accept in asked
        }
        assert types == asked


def test_every_answer_of_a_url_that_may_negotiate_varies_by_accept(
    server: Server, url: str
) -> None:
    """A shared cache would otherwise send AVIF to clients that cannot show it."""
    for _ in range(2):
        full = server.client.get(url, headers={"accept": WEBP})
        fresh = server.client.get(
            url, headers={"accept": WEBP, "if-none-match": full.headers["etag"]}
        )

        assert (full.status_code, full.headers["vary"]) == (200, "Accept")
        assert (fresh.status_code, fresh.headers["vary"]) == (304, "Accept")


def test_formats_have_their_own_etags(server: Server, url: str) -> None:
    """A validator identifies one representation."""
    etags = {
        server.client.get(url, headers={"accept": accept}).headers["etag"]
        for accept in (AVIF, WEBP, ANY)
    }

    assert len(etags) == 3


def test_a_url_that_names_its_format_never_varies(server: Server, url: str) -> None:
    """Caches keep one copy of the response."""
    answer = server.client.get(url.replace("auto", "webp"), headers={"accept": AVIF})

    assert answer.headers["content-type"] == "image/webp"
    assert "vary" not in answer.headers
