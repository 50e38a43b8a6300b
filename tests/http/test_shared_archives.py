"""Shares as ZIP files: what is in them, and who gets them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.attack.located import LOCATED, STRIPPED
from tests.http.asking import assert_problem, picture
from tests.http.large import interrupted, is_located, large
from tests.http.people import People, upload
from tests.imaging.places import traces
from tests.imaging.test_without_metadata import TELLING, words_in
from tests.visitors import SHARES, Visitor, share

pytestmark = pytest.mark.joint


def archive_of(visitor: Visitor) -> httpx2.Response:
    """The ZIP file of a share."""
    return visitor.client.get(f"/s/{visitor.token}/archive")


def files_of(content: bytes) -> dict[str, bytes]:
    """The files of a ZIP file, by name."""
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    return {info.filename: found.read(info) for info in found.infolist()}


def sent(people: People, content: bytes, name: str = "a.jpg", **fields: str) -> str:
    """Upload an image of Ann; returns its id."""
    files = {"file": (name, content)}
    made = people.ann.post("/api/v1/images", files=files, data=fields)
    assert made.status_code == 201, made.text
    image_id: str = made.json()["id"]
    return image_id


def collection_of(people: People, **fields: Any) -> str:
    """A private collection of Ann."""
    body = {"title": "Winter", "visibility": "private", **fields}
    collection_id: str = people.ann.post("/api/v1/collections", json=body).json()["id"]
    return collection_id


def test_it_has_all_originals_of_a_share(people: People) -> None:
    """Also private ones, each under a name of its own; nothing else."""
    collection_id = collection_of(people)
    for number in range(3):
        sent(people, picture(number), "../same.jpg", collection_id=collection_id)
    upload(people.ann, 9)
    terms = {"allow_download": True, "show_metadata": True}
    made = share(people.ann, collection_id=collection_id, **terms)
    visitor = Visitor(people.server, made["token"])

    answer = archive_of(visitor)

    assert files_of(answer.content) == {
        "same.jpg": picture(2), "same-2.jpg": picture(1), "same-3.jpg": picture(0)
    }  # fmt: skip
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex"
    head = visitor.client.head(f"/s/{visitor.token}/archive")
    assert (head.status_code, head.content) == (200, b"")


def test_it_needs_what_pictures_need(people: People) -> None:
    """A share that allows downloads, its password, and a view that was counted."""
    image_id = upload(people.ann, 1)["id"]
    shown = share(people.ann, image_id=image_id)
    assert_problem(archive_of(Visitor(people.server, shown["token"])), 404, "not_found")
    terms = {"allow_download": True, "show_metadata": True}
    closed = share(people.ann, image_id=image_id, **terms, password="sesame")
    visitor = Visitor(people.server, closed["token"])
    assert_problem(archive_of(visitor), 403, "password_required")
    other = Visitor(people.server, closed["token"])

    assert visitor.unlock("sesame").status_code == 200

    assert list(files_of(archive_of(visitor).content).values()) == [picture(1)]
    assert_problem(archive_of(other), 403, "password_required")
    people.ann.patch(f"{SHARES}/{closed['id']}", json={"allow_download": False})
    assert_problem(archive_of(visitor), 404, "not_found")
    limited = share(people.ann, image_id=image_id, allow_download=True, max_views=1)
    assert_problem(archive_of(Visitor(people.server, limited["token"])), 403, "forbidden")


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_originals_are_without_their_location(people: People, name: str) -> None:
    """Unless the owner has allowed it at the image and at the share."""
    image_id = sent(people, STRIPPED[name])
    made = share(people.ann, image_id=image_id, allow_download=True)
    visitor = Visitor(people.server, made["token"])

    def has_location() -> bool:
        (content,) = files_of(archive_of(visitor).content).values()
        return bool(traces(content))

    assert not has_location()
    people.ann.patch(f"{SHARES}/{made['id']}", json={"show_metadata": True})
    assert not has_location()
    people.ann.patch(f"/api/v1/images/{image_id}", json={"share_location": True})
    assert has_location()


def test_originals_and_dates_are_without_metadata(people: People) -> None:
    """Unless the share shows it; each form of the file has a validator of its own."""
    jpeg = TELLING["jpeg harmless"]
    jpeg_id, avif_id = sent(people, jpeg), sent(people, LOCATED["avif"], "a.avif")
    made = share(people.ann, image_id=jpeg_id, allow_download=True)
    other = share(people.ann, image_id=avif_id, allow_download=True)
    visitor = Visitor(people.server, made["token"])
    encoded = Visitor(people.server, other["token"]).picture(avif_id, "original")

    bare, (bare_file, bare_date) = visitor.picture(jpeg_id, "original"), member_of(visitor)
    people.ann.patch(f"{SHARES}/{made['id']}", json={"show_metadata": True})
    shown = visitor.picture(jpeg_id, "original", **{"if-none-match": bare.headers["etag"]})
    shown_file, shown_date = member_of(visitor)

    assert words_in(bare.content) == words_in(bare_file) == []
    assert bare_date == (1980, 1, 1, 0, 0, 0)
    assert (shown.status_code, shown.content) == (200, shown_file)
    assert {"Ada", "Canon", "2026:01"} <= set(words_in(shown_file))
    assert traces(shown_file) == []
    assert shown_date == (2026, 1, 2, 3, 4, 4)
    pictures = [Image.open(io.BytesIO(content)) for content in (jpeg, bare_file, shown_file)]
    assert len({picture.tobytes() for picture in pictures}) == 1
    assert encoded.headers["content-type"] == "image/jpeg"
    assert not Image.open(io.BytesIO(encoded.content)).getexif()


def member_of(visitor: Visitor) -> tuple[bytes, tuple[int, ...]]:
    """The only file in the archive of a share, and its date."""
    with zipfile.ZipFile(io.BytesIO(archive_of(visitor).content)) as file:
        (member,) = file.infolist()
        return file.read(member), member.date_time


def test_a_link_that_is_withdrawn_ends_its_downloads(people: People) -> None:
    """Before the next picture; the file is complete, and says that pictures are missing."""
    collection_id = collection_of(people)
    for number in range(5):
        sent(people, large(number), f"{number}.jpg", collection_id=collection_id)
    made = share(people.ann, collection_id=collection_id, allow_download=True)
    visitor = Visitor(people.server, made["token"])

    files = interrupted(
        visitor.client, f"/s/{visitor.token}/archive",
        lambda: people.ann.delete(f"{SHARES}/{made['id']}"),
    )  # fmt: skip

    assert 1 <= len(files) - 1 < 5
    assert b"There is no such link" in files["left-out.txt"]


@pytest.mark.breadth
@pytest.mark.parametrize("hidden_by", ["share", "image"])
def test_locations_that_are_hidden_during_a_download_are_left_out(
    people: People, hidden_by: str
) -> None:
    """From the next picture on."""
    collection_id = collection_of(people)
    fields = {"collection_id": collection_id}
    ids = [sent(people, large(number, is_located=True), **fields) for number in range(5)]
    for image_id in ids:
        people.ann.patch(f"/api/v1/images/{image_id}", json={"share_location": True})
    made = share(people.ann, collection_id=collection_id, allow_download=True, show_metadata=True)
    visitor = Visitor(people.server, made["token"])

    def hide() -> None:
        if hidden_by == "share":
            people.ann.patch(f"{SHARES}/{made['id']}", json={"show_metadata": False})
        else:
            for image_id in ids:
                people.ann.patch(f"/api/v1/images/{image_id}", json={"share_location": False})

    files = interrupted(visitor.client, f"/s/{visitor.token}/archive", hide)

    located = [is_located(content) for content in files.values()]
    assert len(located) == 5
    assert (located[0], located[-1]) == (True, False)
