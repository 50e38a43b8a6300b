"""Actions on several images: making variants, and deleting images."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from PIL import Image

from tests.http.asking import assert_problem, picture
from tests.http.people import People, upload
from tests.server import Server

pytestmark = pytest.mark.joint

PROCESS = "/api/v1/images/actions/process"
DELETE = "/api/v1/images/actions/delete"
NO_ID = "01890000-0000-7000-8000-000000000000"


def processed(client: httpx2.Client, **body: Any) -> httpx2.Response:
    """Request variants."""
    return client.post(PROCESS, json=body)


def settled(server: Server, seed: int = 0) -> str:
    """The id of an image after the job of its upload."""
    image = server.upload(picture(seed))
    server.finished(image["job"]["id"])
    image_id: str = image["id"]
    return image_id


def animation(frames: int = 2) -> bytes:
    """A GIF whose frames alternate."""
    out = io.BytesIO()
    colours = ("red", "blue") * frames
    pictures = [Image.new("RGB", (64, 48), colour) for colour in colours[:frames]]
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("operation", "name", "transform", "width"),
    [
        ("thumbnail", "thumbnail", "h=256&w=256", 256),
        ({"preset": "thumbnail"}, "thumbnail", "h=256&w=256", 256),
        ({"preset": "thumbnail", "w": 100}, None, "h=256&w=100", 100),
        ("w=123&format=webp", None, "format=webp&w=123", 123),
        ({"w": 124, "format": "webp", "gray": True}, None, "format=webp&gray=1&w=124", 124),
        ({"w": "125", "blur": 1.5}, None, "blur=1.5&w=125", 125),
    ],
)
def test_an_operation_is_made(
    server: Server, operation: object, name: str | None, transform: str, width: int
) -> None:
    """All notations are accepted; the job's URL leads to the variant."""
    image_id = settled(server)

    answer = processed(server.client, id=image_id, operations=[operation])

    assert answer.status_code == 202
    (job,) = answer.json()["data"]
    assert job["image_id"] == image_id
    (made,) = server.finished(job["id"])["operations"]
    assert (made["name"], made["transform"], made["status"]) == (name, transform, "succeeded")
    picture_made = Image.open(io.BytesIO(server.client.get(made["url"]).content))
    assert picture_made.width == width


def test_without_operations_the_eager_presets_are_made(server: Server) -> None:
    """The same presets are made as at upload."""
    image_id = settled(server)
    server.client.delete(f"/api/v1/images/{image_id}/variants")

    (job,) = processed(server.client, id=image_id).json()["data"]

    names = [item["name"] for item in server.finished(job["id"])["operations"]]
    assert names == ["thumbnail", "preview"]
    stored = server.client.get(f"/api/v1/images/{image_id}/variants").json()["data"]
    assert len(stored) == 2


def test_each_image_gets_a_job_in_order(server: Server) -> None:
    """Each image shows it as its newest job."""
    ids = [settled(server, seed) for seed in (3, 1, 2)]

    jobs = processed(server.client, ids=ids, operations=["w=50"]).json()["data"]

    assert [job["image_id"] for job in jobs] == ids
    for image_id, job in zip(ids, jobs, strict=True):
        image = server.client.get(f"/api/v1/images/{image_id}").json()
        assert image["job"]["id"] == job["id"]
        assert server.finished(job["id"])["status"] == "succeeded"
        assert server.client.get(f"/api/v1/images/{image_id}").json()["status"] == "succeeded"


@pytest.mark.parametrize("missing", [NO_ID, "nonsense"])
def test_an_image_that_is_not_there_stops_all(server: Server, missing: str) -> None:
    """No job is made for the existing images either."""
    image_id = settled(server)
    before = server.client.get(f"/api/v1/jobs?image={image_id}").json()

    answer = processed(server.client, ids=[image_id, missing], operations=["w=50"])

    document = assert_problem(answer, 404, "not_found")
    assert [fault["loc"] for fault in document["errors"]] == ["ids.1"]
    assert server.client.get(f"/api/v1/jobs?image={image_id}").json() == before


@pytest.mark.parametrize(
    ("operation", "loc"),
    [
        ("w=0", "w"),
        ({"w": 0}, "w"),
        ({"w": 2.5}, "w"),
        ({"w": None}, "w"),
        ({"w": [1]}, "w"),
        ({"colour": "red"}, "colour"),
        ("unknown", "preset"),
        ({"preset": "unknown"}, "preset"),
        ("w=1&&", None),
        ({}, None),
        ("", None),
        (7, None),
        (None, None),
        ({"frame": 1}, "frame"),
        ("crop=5000,0,10,10&w=5", "crop"),
        ("wm=unknown", "wm"),
        ("w=1&w=2", "w"),
    ],
)
def test_an_operation_that_cannot_be_made_is_named(
    server: Server, operation: object, loc: str | None
) -> None:
    """The error has its position and key; the other operations are not made either."""
    image_id = settled(server)
    before = server.client.get(f"/api/v1/jobs?image={image_id}").json()

    answer = processed(server.client, id=image_id, operations=["thumbnail", operation])

    document = assert_problem(answer, 400, "invalid_transform")
    place = "operations.1" if loc is None else f"operations.1.{loc}"
    assert [fault["loc"] for fault in document["errors"]] == [place]
    assert server.client.get(f"/api/v1/jobs?image={image_id}").json() == before


def test_a_frame_must_be_there_in_every_image(server: Server) -> None:
    """One of the images has two frames."""
    moving = server.upload(animation(), "a.gif")["id"]
    still = settled(server)

    alone = processed(server.client, id=moving, operations=["frame=1"])
    both = processed(server.client, ids=[moving, still], operations=["frame=1"])

    assert alone.status_code == 202
    assert_problem(both, 400, "invalid_transform")


@pytest.fixture(scope="module")
def cornered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with presets that some images cannot have, and workers of 1 GiB."""
    presets = {"corner": "crop=1000,0,100,100", "card": "w=60", "second": "frame=1&w=60"}
    server = Server(
        tmp_path_factory.mktemp("cornered") / "data", worker_memory="1GiB",
        presets=json.dumps(presets), eager_presets=json.dumps(list(presets)),
    )  # fmt: skip
    yield server.start()
    server.close()


def test_an_impossible_preset_is_refused_immediately(
    cornered: Server,
) -> None:
    """A GET gives the same error; the job of an upload makes the possible presets."""
    server = cornered
    small, large = (server.upload(picture(3, size)) for size in ((300, 200), (1200, 200)))

    by_get = server.client.get(f"/images/{small['id']}/corner")
    by_name = processed(server.client, id=small["id"], operations=["card", "corner"])
    by_both = processed(server.client, ids=[large["id"], small["id"]], operations=["corner"])
    by_default = processed(server.client, ids=[large["id"], small["id"]])

    assert_problem(by_get, 400, "invalid_transform")
    document = assert_problem(by_name, 400, "invalid_transform")
    assert [fault["loc"] for fault in document["errors"]] == ["operations.1.crop"]
    assert_problem(by_both, 400, "invalid_transform")
    made = [[it["name"] for it in job["operations"]] for job in by_default.json()["data"]]
    assert made == [["corner", "card"], ["card"]]
    for image in (small, large):
        assert server.finished(image["job"]["id"])["status"] == "succeeded"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose variants have at most a million pixels, or four in all frames."""
    presets = json.dumps({"poster": "w=3000&h=2000&fit=pad", "card": "w=60"})
    place = tmp_path_factory.mktemp("narrow") / "data"
    server = Server(place, max_pixels=1_000_000, presets=presets, workers=1).start()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("kind", "operation", "says"),
    [
        ("still", "w=2000&enlarge=1", "limit is 1,000,000 a frame"),
        ("still", "w=2000&h=2000&fit=pad&format=webp", "limit is 1,000,000 a frame"),
        ("still", {"preset": "poster"}, "limit is 1,000,000 a frame"),
        ("still", "trim=5&w=2000&enlarge=1", "limit is 1,000,000 a frame"),
        ("still", "w=1&h=8000&fit=fill&enlarge=1&rotate=45", "limit is 1,000,000 a frame"),
        ("moving", "w=900&enlarge=1", "4,000,000 together"),
    ],
)
def test_a_too_large_operation_is_refused_immediately(
    narrow: Server, kind: str, operation: str | dict[str, str], says: str
) -> None:
    """Code and message are those of GET; no job is made, also not for the other operations."""
    content = animation(frames=9) if kind == "moving" else picture(4)
    image = narrow.upload(content, "a.gif" if kind == "moving" else "a.jpg")
    jobs = f"/api/v1/jobs?image={image['id']}"
    narrow.finished(image["job"]["id"])
    before = narrow.client.get(jobs).json()
    query = operation if isinstance(operation, str) else urlencode(operation)

    by_get = narrow.client.get(f"/images/{image['id']}?{query}")
    answer = processed(narrow.client, id=image["id"], operations=["card", operation])

    document = assert_problem(answer, 422, "image_too_large")
    assert says in document["detail"]
    assert document["detail"] == assert_problem(by_get, 422, "image_too_large")["detail"]
    assert document["errors"] == [{"loc": "operations.1", "msg": document["detail"]}]
    assert narrow.client.get(jobs).json() == before


def test_an_output_that_needs_too_much_memory_is_refused_immediately(
    cornered: Server,
) -> None:
    """Lossless WebP of 19 MP takes more memory than a worker of 1 GiB has."""
    server = cornered
    image = server.upload(picture(5, (400, 300)))
    operation = "w=5000&enlarge=1&format=webp&lossless=1"

    by_get = server.client.get(f"/images/{image['id']}?{operation}")
    answer = processed(server.client, id=image["id"], operations=[operation])

    document = assert_problem(answer, 422, "image_too_large")
    assert "bytes of memory" in document["detail"]
    assert document["detail"] == assert_problem(by_get, 422, "image_too_large")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": NO_ID, "ids": [NO_ID]},
        {"ids": []},
        {"ids": [NO_ID] * 101},
        {"id": 7},
        {"id": NO_ID, "operations": []},
        {"id": NO_ID, "operations": ["thumbnail"] * 21},
        {"id": NO_ID, "operations": "thumbnail"},
        {"id": NO_ID, "priority": 1},
    ],
)
def test_a_request_that_breaks_the_rules_is_refused(server: Server, body: dict[str, Any]) -> None:
    """One image or up to 100, and up to 20 operations, are allowed."""
    assert_problem(processed(server.client, **body), 400, "invalid_request")


def test_images_of_other_users_are_not_processed(people: People) -> None:
    """A private image does not exist for them.

    The requester's images in the request stay unchanged.
    """
    own = upload(people.bob, 1)
    shown, hidden = (upload(people.ann, visibility=kind) for kind in ("public", "private"))

    for image, status in ((shown, 403), (hidden, 404)):
        answer = processed(people.bob, ids=[own["id"], image["id"]], operations=["w=50"])
        assert answer.status_code == status
    assert len(people.bob.get(f"/api/v1/jobs?image={own['id']}").json()["data"]) == 1


def test_images_are_deleted_independently(people: People) -> None:
    """An error with one does not affect the others; entries are in order."""
    own = [upload(people.bob, seed) for seed in (1, 2)]
    shown, hidden = (upload(people.ann, visibility=kind) for kind in ("public", "private"))
    ids = [own[0]["id"], shown["id"], hidden["id"], "nonsense", NO_ID, own[1]["id"], own[1]["id"]]

    answer = people.bob.post(DELETE, json={"ids": ids})

    assert answer.status_code == 207
    entries = answer.json()["data"]
    assert [entry["id"] for entry in entries] == ids
    assert [entry["status"] for entry in entries] == [204, 403, 404, 404, 404, 204, 404]
    assert [entry["problem"] and entry["problem"]["code"] for entry in entries] == [
        None, "forbidden", "not_found", "not_found", "not_found", None, "not_found",
    ]  # fmt: skip
    for image in own:
        assert people.bob.get(f"/images/{image['id']}").status_code == 404
    assert people.ann.get(f"/api/v1/images/{shown['id']}").status_code == 200


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": [NO_ID] * 101}, {"ids": [1]}])
def test_a_list_to_delete_is_bounded(server: Server, body: dict[str, Any]) -> None:
    """The limit is 1 to 100 ids."""
    assert_problem(server.client.post(DELETE, json=body), 400, "invalid_request")
