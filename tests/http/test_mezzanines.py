"""Mezzanines and facts, from the upload's job to the answers and back to an empty disk."""

from __future__ import annotations

import pytest

from tests.http.asking import noise, picture
from tests.server import Server

pytestmark = pytest.mark.joint

LARGE = (2400, 1600)


@pytest.fixture(scope="module")
def large(server: Server) -> str:
    """The id of an image large enough for a mezzanine, once its job is done."""
    image = server.upload(picture(7001, LARGE))
    assert server.finished(image["job"]["id"])["status"] == "succeeded"
    return str(image["id"])


def test_a_large_original_gets_a_mezzanine_that_lives_and_dies_with_it(server: Server) -> None:
    """It is a separate blob of this original only."""
    before = server.blobs()
    image = server.upload(picture(7002, LARGE))
    server.finished(image["job"]["id"])

    assert len(server.blobs() - before) == 2
    assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204
    assert server.blobs() == before


def test_originals_of_one_mezzanine_share_it(server: Server) -> None:
    """Deleting one of two images of the same bytes takes nothing from the other."""
    twins = [server.upload(picture(7003, LARGE)) for _ in range(2)]
    for twin in twins:
        server.finished(twin["job"]["id"])

    assert server.client.delete(f"/api/v1/images/{twins[0]['id']}").status_code == 204
    answer = server.client.get(f"/images/{twins[1]['id']}?w=301")

    assert answer.status_code == 200


def test_small_originals_get_none(server: Server) -> None:
    """Their decoding costs no more than the mezzanine's would."""
    before = server.blobs()
    server.finished(server.upload(picture(7004))["job"]["id"])

    assert len(server.blobs() - before) == 1


def test_exact_is_another_representation_than_what_the_mezzanine_gives(
    server: Server, large: str
) -> None:
    """One ETag must never stand for two different files."""
    reduced = server.client.get(f"/images/{large}?w=222")
    exact = server.client.get(f"/images/{large}?w=222&exact=1")

    assert reduced.headers["etag"] != exact.headers["etag"]
    assert reduced.content != exact.content


def test_the_eager_thumbnail_is_the_one_made_later_from_the_stored_mezzanine(
    server: Server, large: str
) -> None:
    """The same transform gives the same bytes, by every way and at every time."""
    first = server.client.get(f"/images/{large}/thumbnail")
    server.client.delete(f"/api/v1/images/{large}/variants")
    again = server.client.get(f"/images/{large}/thumbnail")

    assert "desc=rendered" in again.headers["server-timing"]
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]


def test_the_job_of_an_upload_makes_its_analysis(server: Server) -> None:
    """Colours and hashes are there for galleries, without another decode."""
    image = server.upload(picture(11))
    assert image["thumbhash"] is None
    server.finished(image["job"]["id"])

    found = server.client.get(f"/api/v1/images/{image['id']}").json()

    assert found["dominant_color"] in found["palette"]
    assert 1 <= len(found["palette"]) <= 5
    assert len(found["phash"]) == 16
    assert found["thumbhash"]


def test_the_same_bytes_have_the_same_analysis(server: Server) -> None:
    """Each image by a job of its own, which finds the same."""
    content = noise((300, 200))
    first = server.upload(content)
    server.finished(first["job"]["id"])

    second = server.upload(content)
    server.finished(second["job"]["id"])
    shown = [server.client.get(f"/api/v1/images/{it['id']}").json() for it in (first, second)]

    assert shown[0]["phash"] == shown[1]["phash"] is not None


@pytest.mark.embedded
def test_check_and_gc_know_mezzanines(server: Server, large: str) -> None:
    """A collection without grace removes none, and all are verified."""
    blobs = server.blobs()

    assert server.cli("gc", "--grace", "0s").returncode == 0
    assert server.cli("check").returncode == 0
    assert server.blobs() == blobs
    assert server.client.get(f"/images/{large}?w=111").status_code == 200
