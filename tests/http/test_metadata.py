"""Editing an image's metadata, and how soon delivery follows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.asking import assert_problem, picture
from tests.http.people import People, upload
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import stopped_rendering

pytestmark = pytest.mark.joint

PATCH = "application/merge-patch+json"


def url_of(image: dict[str, Any]) -> str:
    """Where an image's metadata is."""
    return f"/api/v1/images/{image['id']}"


def is_rendering(people: People) -> bool:
    """Whether a worker is at work, or about to be."""
    jobs = people.admin.get("/api/v1/jobs?limit=5").json()["data"]
    metrics = people.admin.get("/metrics").text
    return "renders_running 0.0" not in metrics or any(
        job["status"] in {"pending", "processing"} for job in jobs
    )


@pytest.mark.parametrize("media_type", ["application/json", PATCH])
def test_a_patch_changes_what_it_names(server: Server, media_type: str) -> None:
    """What is absent stays (RFC 7396)."""
    image = server.upload(picture(), title="Old", description="Far out", tags="sea")
    server.finished(image["job"]["id"])
    headers = {"content-type": media_type}

    answer = server.client.patch(url_of(image), content='{"title": "New"}', headers=headers)

    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["title"], changed["description"], changed["tags"]) == (
        "New",
        "Far out",
        ["sea"],
    )
    assert changed["updated_at"] > image["updated_at"]
    assert answer.headers["etag"] == '"2"'
    shown = server.client.get(url_of(image))
    assert shown.json() == changed
    assert shown.headers["etag"] == '"2"'


@pytest.mark.parametrize(
    ("patch", "tags"),
    [
        ({"description": "by the #lake"}, ["own", "lake"]),
        ({"description": None}, ["own"]),
        ({"tags": ["New", "#two"]}, ["new", "two", "sea"]),
        ({"tags": None}, ["sea"]),
        ({"tags": ["x"], "description": "#y #X"}, ["x", "y"]),
        ({"title": "#z"}, ["own", "sea"]),
    ],
)
def test_the_hashtags_of_the_description_are_tags(
    server: Server, patch: dict[str, Any], tags: list[str]
) -> None:
    """As at upload; those of a description that is gone are gone with it."""
    image = server.upload(picture(), description="at #Sea", tags="own")

    changed = server.client.patch(url_of(image), json=patch).json()

    assert changed["tags"] == tags


def test_a_patch_of_an_older_version_changes_nothing(server: Server) -> None:
    """The answer tells the version to look at before trying again."""
    image = server.upload(picture())
    server.client.patch(url_of(image), json={"title": "Theirs"}, headers={"if-match": '"1"'})

    answer = server.client.patch(url_of(image), json={"title": "Mine"}, headers={"if-match": '"1"'})

    document = assert_problem(answer, 412, "precondition_failed")
    assert '"2"' in document["errors"][0]["msg"]
    assert server.client.get(url_of(image)).json()["title"] == "Theirs"


def test_saving_without_changes_makes_no_version(server: Server) -> None:
    """Saving twice affects no other editor."""
    image = server.upload(picture(), title="A", tags="b")

    same = server.client.patch(url_of(image), json={"title": "A", "tags": ["b"]})

    assert same.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ('{"visibility": null}', "visibility"),
        ('{"visibility": "secret"}', "visibility"),
        ('{"status": "failed"}', "status"),
        ('{"title": 7}', "title"),
        ('{"title": "\\u0000"}', "title"),
        ('{"tags": "sea"}', "tags"),
        ('{"tags": ["%s"]}' % ("x" * 65), "tags"),
        ('{"title": "a", "title": "b"}', "title"),
        ('{"title": "\\udc00"}', "title"),
        ("null", "body"),
    ],
)
def test_a_patch_that_breaks_the_rules_is_refused(server: Server, body: str, loc: str) -> None:
    """Naming what is wrong; nothing of it is done."""
    image = server.upload(picture())

    answer = server.client.patch(url_of(image), content=body, headers={"content-type": PATCH})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == loc
    assert server.client.get(url_of(image)).headers["etag"] == '"1"'


def test_a_patch_of_another_kind_is_refused(server: Server) -> None:
    """A JSON Patch (RFC 6902) would be misread."""
    answer = server.client.patch(
        url_of(server.upload(picture())), content="[]",
        headers={"content-type": "application/json-patch+json"},
    )  # fmt: skip

    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("image_id", ["nonsense", "01890000-0000-7000-8000-000000000000"])
def test_an_image_that_is_not_there_is_not_found(server: Server, image_id: str) -> None:
    """An id that cannot be one neither."""
    answer = server.client.patch(f"/api/v1/images/{image_id}", json={"title": "a"})

    assert_problem(answer, 404, "not_found")


def test_images_of_other_users_are_not_changed(people: People) -> None:
    """A private one does not exist for them."""
    shown, hidden = (upload(people.ann, visibility=kind) for kind in ("public", "private"))

    assert people.bob.patch(url_of(shown), json={"title": "z"}).status_code == 403
    assert people.bob.patch(url_of(hidden), json={"title": "z"}).status_code == 404
    assert people.admin.patch(url_of(hidden), json={"title": "z"}).status_code == 200


@pytest.mark.parametrize("place", ["/thumbnail", "?w=99", ""])
def test_a_private_image_is_hidden_from_the_next_request_on(people: People, place: str) -> None:
    """Not even the answer in memory is given any more; made public it is there again."""
    image = upload(people.ann)
    url = f"/images/{image['id']}{place}"
    stranger = people.server.client
    for _ in range(3):
        assert stranger.get(url).status_code == 200
    people.ann.patch(url_of(image), json={"visibility": "private"})

    assert_problem(stranger.get(url), 404, "not_found")
    mine = people.ann.get(url)
    assert (mine.status_code, mine.headers["cache-control"]) == (200, "private, no-cache")
    assert_problem(stranger.get(url), 404, "not_found")

    people.ann.patch(url_of(image), json={"visibility": "public"})
    assert stranger.get(url).status_code == 200


def test_a_variant_in_progress_is_not_remembered_as_public(people: People) -> None:
    """It was asked for while the image was public, and is made when it no longer is."""
    image = upload(people.ann, 78)
    until(lambda: not is_rendering(people))
    url = f"/images/{image['id']}?w=30"
    with stopped_rendering(people.server, url, people.admin) as answer:
        people.ann.patch(url_of(image), json={"visibility": "private"})
        assert not answer.done()

    for refused in (answer.result(), people.server.client.get(url)):
        assert_problem(refused, 404, "not_found")


def test_hashtags_beyond_a_hundred_are_words(people: People) -> None:
    """A text of hashtags is no way around the bound of tags."""
    image = upload(people.ann, 77, tags="first", description=" ".join(f"#t{n}" for n in range(500)))

    assert len(image["tags"]) == 100
    assert image["tags"][:2] == ["first", "t0"]
