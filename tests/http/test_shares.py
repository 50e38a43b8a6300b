"""Shares over HTTP: what their owners set, and what visitors get."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.accounts import client_of
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, in_time, picture
from tests.http.people import People, upload
from tests.server import Server
from tests.visitors import SHARES, Visitor, share
from tests.waiting import until

pytestmark = pytest.mark.joint

PASSWORD = "open sesame"


def collection_of(people: People, *image_ids: str, **fields: Any) -> str:
    """A private collection of Ann with these images."""
    body = {"title": "Winter", "visibility": "private", **fields}
    collection_id: str = people.ann.post("/api/v1/collections", json=body).json()["id"]
    put_in(people, collection_id, *image_ids)
    return collection_id


def put_in(people: People, collection_id: str, *image_ids: str) -> None:
    """Add images to a collection."""
    members = f"/api/v1/collections/{collection_id}/relationships/images"
    data = [{"type": "images", "id": image_id} for image_id in image_ids]
    assert not data or people.ann.post(members, json={"data": data}).status_code == 204


def test_an_image_is_shared_by_its_link(people: People) -> None:
    """The link shows a private image; it is in no other response, and its hash is stored."""
    image = upload(people.ann, 1, visibility="private")
    made = share(people.ann, image_id=image["id"])
    visitor = Visitor(people.server, made["token"])

    assert made["url"] == f"/s/{made['token']}"
    assert len(made["token"]) == 32
    shown = visitor.open()
    assert shown.json() == {
        "title": "", "target": "image", "allow_download": False, "show_metadata": False,
        "expires_at": None, "presets": shown.json()["presets"],
    }  # fmt: skip
    assert set(shown.json()["presets"]) >= {"thumbnail", "preview"}
    assert visitor.ids() == [image["id"]]
    page = visitor.images().json()
    assert (page["widths"], page["heights"], page["taken"], page["exif"]) == (
        [640], [400], None, None,
    )  # fmt: skip
    sent = visitor.picture(image["id"])
    own = people.ann.get(f"/images/{image['id']}/thumbnail")
    assert (sent.status_code, sent.content) == (200, own.content)
    assert sent.headers["cache-control"] == "private, max-age=300"
    assert sent.headers["referrer-policy"] == "no-referrer"
    assert sent.headers["x-robots-tag"] == "noindex"
    assert sent.headers["cross-origin-resource-policy"] == "same-origin"
    again = visitor.picture(image["id"], **{"if-none-match": sent.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, max-age=300"
    listed = (
        people.ann.get(f"{SHARES}?limit=200").text + people.ann.get(f"{SHARES}/{made['id']}").text
    )
    assert made["token"] not in listed
    assert made["id"] in listed


def test_a_collection_shows_what_is_in_it_now(people: People) -> None:
    """An image that is taken out, moved to the trash or deleted is gone at the next request."""
    ids = [upload(people.ann, seed)["id"] for seed in range(10, 15)]
    outside = upload(people.ann, 15)["id"]
    collection_id = collection_of(people, *ids)
    made = share(people.ann, collection_id=collection_id)
    visitor = Visitor(people.server, made["token"])
    assert made["title"] == visitor.open().json()["title"] == "Winter"
    assert visitor.ids() == ids[::-1]
    for image_id in ids:
        assert visitor.picture(image_id).status_code == 200
    assert_problem(visitor.picture(outside), 404, "not_found")

    data = {"data": [{"type": "images", "id": ids[0]}]}
    members = f"/api/v1/collections/{collection_id}/relationships/images"
    assert people.ann.request("DELETE", members, json=data).status_code == 204
    people.ann.post("/api/v1/images/actions/trash", json={"ids": [ids[1]]})
    assert people.ann.delete(f"/api/v1/images/{ids[2]}").status_code == 204

    for image_id in ids[:3]:
        assert_problem(visitor.picture(image_id), 404, "not_found")
    assert visitor.ids() == ids[:2:-1]
    people.ann.post("/api/v1/images/actions/restore", json={"ids": [ids[1]]})
    put_in(people, collection_id, outside)
    assert visitor.picture(ids[1]).status_code == 200
    assert visitor.picture(outside).status_code == 200


def test_a_search_shows_what_it_finds_now(people: People) -> None:
    """Images of other users are not found, whatever their visibility."""
    mine = upload(people.ann, 20, tags="harbour", visibility="private")["id"]
    other = upload(people.ann, 21, tags="forest")["id"]
    bobs = upload(people.bob, 22, tags="harbour", visibility="public")["id"]
    visitor = Visitor(people.server, share(people.ann, q="tags:harbour")["token"])
    assert visitor.ids() == [mine]
    assert visitor.picture(mine).status_code == 200
    for image_id in (other, bobs):
        assert_problem(visitor.picture(image_id), 404, "not_found")

    later = upload(people.ann, 23, tags="harbour")["id"]
    people.ann.patch(f"/api/v1/images/{mine}", json={"tags": ["ship"]})

    assert visitor.ids() == [later]
    assert_problem(visitor.picture(mine), 404, "not_found")


def test_only_a_few_presets_are_for_visitors(people: People) -> None:
    """No free transform, and no original without `allow_download`."""
    image_id = upload(people.ann, 30, visibility="private")["id"]
    made = share(people.ann, image_id=image_id)
    visitor = Visitor(people.server, made["token"])
    small = visitor.picture(image_id).content

    for name in ("blurred", "original", "nothing", "w=10"):
        assert_problem(visitor.picture(image_id, name), 404, "not_found")
    assert visitor.picture(image_id, "thumbnail?w=9").content == small
    for path in (f"/images/{image_id}", f"/images/{image_id}/thumbnail"):
        assert_problem(visitor.client.get(path), 404, "not_found")


def test_originals_are_downloaded_where_it_is_allowed(people: People) -> None:
    """The file name is told only then."""
    image = upload(people.ann, 31, visibility="private")
    made = share(people.ann, image_id=image["id"], show_metadata=True)
    visitor = Visitor(people.server, made["token"])
    assert visitor.picture(image["id"]).headers["content-disposition"] == "inline"

    people.ann.patch(f"{SHARES}/{made['id']}", json={"allow_download": True})

    original = visitor.picture(image["id"], "original")
    assert (original.status_code, original.content) == (200, picture(31))
    assert original.headers["content-disposition"] == 'attachment; filename="31.jpg"'
    assert original.headers["cache-control"] == "private, max-age=300"
    part = visitor.picture(image["id"], "original", range="bytes=0-9")
    assert (part.status_code, part.content) == (206, picture(31)[:10])


def test_a_password_is_needed_before_anything_is_told(people: People) -> None:
    """Neither title nor number of images; a wrong password opens nothing."""
    image_id = upload(people.ann, 40, visibility="private")["id"]
    made = share(people.ann, image_id=image_id, title="Our wedding", password=PASSWORD)
    visitor = Visitor(people.server, made["token"])

    for answer in (
        visitor.open(), visitor.images(), visitor.picture(image_id),
        visitor.picture(image_id, "original"), visitor.unlock("wrong"), visitor.unlock(""),
        visitor.open(),
    ):  # fmt: skip
        document = assert_problem(answer, 403, "password_required")
        assert "wedding" not in answer.text
        assert image_id not in document["detail"]
    assert visitor.unlock(PASSWORD).json()["title"] == "Our wedding"
    assert visitor.open().json()["title"] == "Our wedding"
    assert visitor.ids() == [image_id]
    assert visitor.picture(image_id).headers["cache-control"] == "private, no-store"
    assert_problem(Visitor(people.server, made["token"]).open(), 403, "password_required")


@pytest.mark.breadth
def test_a_new_password_ends_the_visits(people: People) -> None:
    """So that a password that has spread is useless."""
    image_id = upload(people.ann, 41)["id"]
    made = share(people.ann, image_id=image_id, password=PASSWORD)
    visitor = Visitor(people.server, made["token"])
    assert visitor.unlock(PASSWORD).status_code == 200

    people.ann.patch(f"{SHARES}/{made['id']}", json={"password": "another"})

    for answer in (visitor.open(), visitor.images(), visitor.picture(image_id)):
        assert_problem(answer, 403, "password_required")
    assert_problem(visitor.unlock(PASSWORD), 403, "password_required")
    assert visitor.unlock("another").status_code == 200
    shown = people.ann.patch(f"{SHARES}/{made['id']}", json={"password": None}).json()
    assert shown["has_password"] is False
    assert Visitor(people.server, made["token"]).open().status_code == 200


def test_the_cookie_of_a_visit_is_for_one_share_only(people: People) -> None:
    """Its path is that of the share; scripts cannot read it."""
    image_id = upload(people.ann, 42)["id"]
    made = share(people.ann, image_id=image_id, password=PASSWORD)

    answer = Visitor(people.server, made["token"]).unlock(PASSWORD)

    cookies = answer.headers.get_list("set-cookie")
    paths = [re.findall("Path=([^;]+)", cookie)[0] for cookie in cookies]
    assert paths == [f"/s/{made['token']}", f"/api/v1/shared/{made['token']}"]
    for cookie in cookies:
        assert cookie.startswith(f"imagesvc_share_{made['id']}=")
        assert {"HttpOnly", "SameSite=lax", "Max-Age=86400"} <= set(cookie.split("; "))
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    people.ann.patch(f"{SHARES}/{made['id']}", json={"expires_at": soon})
    again = Visitor(people.server, made["token"]).unlock(PASSWORD)
    (age,) = set(re.findall("Max-Age=([0-9]+)", str(again.headers.get_list("set-cookie"))))
    assert int(age) <= 300


def test_a_share_expires(people: People) -> None:
    """410 for everything from then on, also for who has begun a visit."""
    image_id = upload(people.ann, 43)["id"]
    made = share(people.ann, image_id=image_id)
    at = f"{SHARES}/{made['id']}"
    visitor = Visitor(people.server, made["token"])
    assert visitor.open().status_code == 200

    in_time(lambda soon: people.ann.patch(at, json={"expires_at": soon.isoformat()}))
    until(lambda: visitor.open().status_code == 410)

    for answer in (visitor.open(), visitor.images(), visitor.picture(image_id)):
        assert_problem(answer, 410, "gone")
    past = {"image_id": image_id, "expires_at": "2020-01-01T00:00:00Z"}
    assert_problem(people.ann.post(SHARES, json=past), 400, "invalid_request")
    later = {"expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    assert people.ann.patch(at, json=later).status_code == 200
    assert visitor.picture(image_id).status_code == 200


def test_browsers_keep_no_picture_beyond_its_end(people: People) -> None:
    """Neither beyond that of the share nor that of the image, which is 404 from then on."""
    soon = (datetime.now(UTC) + timedelta(seconds=240)).isoformat()
    ends = upload(people.ann, 50, expires_at=soon)["id"]
    stays = upload(people.ann, 51)["id"]
    for fields in ({"image_id": ends}, {"image_id": stays, "expires_at": soon}):
        visitor = Visitor(people.server, share(people.ann, **fields)["token"])
        sent = visitor.picture(fields["image_id"])
        assert 0 <= int(sent.headers["cache-control"].removeprefix("private, max-age=")) < 240

    collection_id = collection_of(people, ends)
    visitor = Visitor(people.server, share(people.ann, collection_id=collection_id)["token"])
    assert visitor.ids() == [ends]
    at = f"/api/v1/images/{ends}"
    in_time(lambda soon: people.ann.patch(at, json={"expires_at": soon.isoformat()}))
    until(lambda: visitor.picture(ends).status_code == 404)
    assert visitor.ids() == []


def test_a_withdrawn_share_is_not_there(people: People) -> None:
    """Immediately, with all that was in memory."""
    image_id = upload(people.ann, 44, visibility="public")["id"]
    made = share(people.ann, image_id=image_id, password=PASSWORD)
    visitor = Visitor(people.server, made["token"])
    visitor.unlock(PASSWORD)
    for _ in range(3):
        assert visitor.picture(image_id).status_code == 200

    assert people.ann.delete(f"{SHARES}/{made['id']}").status_code == 204

    for answer in (visitor.open(), visitor.images(), visitor.picture(image_id)):
        assert_problem(answer, 404, "not_found")
    assert_problem(people.ann.get(f"{SHARES}/{made['id']}"), 404, "not_found")


def test_views_are_counted_once_a_visit(people: People) -> None:
    """A page that is loaded again is no further view; images and checks of links are none."""
    image_id = upload(people.ann, 45)["id"]
    made = share(people.ann, image_id=image_id, max_views=2)
    first, second, third = (Visitor(people.server, made["token"]) for _ in range(3))
    for path in ("/api/v1/shared/", "/s/"):
        checked = first.client.head(f"{path}{made['token']}", headers={"accept": "text/html"})
        assert (checked.status_code, "set-cookie" in checked.headers) == (200, False)
    assert_problem(first.picture(image_id), 403, "forbidden")
    assert_problem(first.images(), 403, "forbidden")

    for visitor in (first, second):
        for _ in range(3):
            assert visitor.open().status_code == 200
            assert visitor.picture(image_id).status_code == 200

    assert people.ann.get(f"{SHARES}/{made['id']}").json()["views"] == 2
    for answer in (third.open(), third.images(), third.picture(image_id)):
        assert_problem(answer, 410, "used_up")
    assert first.open().status_code == 200
    shown = people.ann.patch(f"{SHARES}/{made['id']}", json={"max_views": 3}).json()
    assert (shown["max_views"], shown["last_viewed_at"] is None) == (3, False)
    assert third.open().status_code == 200


@pytest.mark.breadth
def test_concurrent_visitors_do_not_exceed_the_views(people: People) -> None:
    """As many visits begin as are allowed, by password or without one."""
    image_id = upload(people.ann, 46)["id"]
    for fields in ({}, {"password": PASSWORD}):
        made = share(people.ann, image_id=image_id, max_views=3, **fields)
        visitors = [Visitor(people.server, made["token"]) for _ in range(10)]
        with ThreadPoolExecutor(len(visitors)) as threads:
            opened = list(
                threads.map(
                    lambda one, fields=fields: one.unlock(PASSWORD) if fields else one.open(),
                    visitors,
                )
            )

        assert sorted(answer.status_code for answer in opened) == [200] * 3 + [410] * 7
        assert people.ann.get(f"{SHARES}/{made['id']}").json()["views"] == 3


@pytest.mark.breadth
def test_passwords_are_tried_a_few_times_only(make_server: MakeServer) -> None:
    """As those of users; a visitor who has sent the right one is not locked out."""
    server = make_server(auth="off", rate_limits="on", rate_limit_login="3/h")
    image_id = server.upload(picture(1))["id"]
    made = share(server.client, image_id=image_id, password=PASSWORD)
    visitor = Visitor(server, made["token"])

    tried = [visitor.unlock("wrong").status_code for _ in range(4)]

    assert tried == [403, 403, 403, 429]
    assert_problem(visitor.unlock(PASSWORD), 429, "rate_limited")


def test_metadata_is_shown_where_it_is_wanted(people: People) -> None:
    """The camera and the time; no file name, title, tag, or owner in any case."""
    fields = {"title": "secret-title", "tags": "secret-tag", "description": "secret-words"}
    image_id = upload(people.ann, 47, **fields)["id"]
    made = share(people.ann, image_id=image_id)
    visitor = Visitor(people.server, made["token"])

    people.ann.patch(f"{SHARES}/{made['id']}", json={"show_metadata": True})

    page = visitor.images().json()
    assert page["exif"] == [{}]
    assert abs(page["taken"][0] - datetime.now(UTC).timestamp()) < 3600
    told = visitor.images().text + visitor.open().text
    assert not re.search("secret|ann|47.jpg", told)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"image_id": None}, {"q": ""}, {"q": "x", "title": 3}, {"q": "x", "max_views": 0},
        {"q": "x", "password": ""}, {"q": "x", "expires_at": "2099-01-01"}, {"q": "x", "y": 1},
        {"q": "x", "collection_id": "01900000-0000-7000-8000-000000000000"},
        {"q": "x", "max_views": True}, {"q": "x", "expires_at": 5}, {"image_id": "x"},
    ],
)  # fmt: skip
def test_malformed_shares_are_refused(people: People, body: dict[str, Any]) -> None:
    """The response names what is wrong."""
    assert_problem(people.ann.post(SHARES, json=body), 400, "invalid_request")


@pytest.mark.parametrize(
    "q", ["size:", "similar:01900000-0000-7000-8000-000000000000", "tags:x similar:1"]
)
def test_searches_that_cannot_be_shared_are_refused(people: People, q: str) -> None:
    """A share must be able to decide for one image whether it belongs to it."""
    assert_problem(people.ann.post(SHARES, json={"q": q}), 400, "invalid_query")


def test_shares_end_with_what_they_show(people: People) -> None:
    """A deleted image or collection leaves no row."""
    image_id = upload(people.ann, 48)["id"]
    collection_id = collection_of(people)
    of_image = share(people.ann, image_id=image_id)
    of_collection = share(people.ann, collection_id=collection_id)

    people.ann.delete(f"/api/v1/images/{image_id}")
    people.ann.delete(f"/api/v1/collections/{collection_id}")

    for made in (of_image, of_collection):
        assert_problem(people.ann.get(f"{SHARES}/{made['id']}"), 404, "not_found")
        assert_problem(Visitor(people.server, made["token"]).open(), 404, "not_found")


def test_an_admin_sees_and_withdraws_the_shares_of_all(people: People) -> None:
    """A share of another user's image belongs to that user."""
    image_id = upload(people.ann, 49)["id"]
    made = share(people.admin, image_id=image_id)

    assert made["owner_id"] == people.ann.get("/api/v1/users/me").json()["id"]
    assert made["id"] in people.ann.get(SHARES).text
    assert made["id"] in people.admin.get(SHARES).text
    assert made["id"] not in people.bob.get(SHARES).text
    assert people.admin.delete(f"{SHARES}/{made['id']}").status_code == 204


def test_without_accounts_everyone_on_this_machine_may_share(server: Server) -> None:
    """Images without an owner are shared like those of a user."""
    image_id = server.upload(picture(3), tags="fjord")["id"]
    for fields in ({"image_id": image_id}, {"q": "tags:fjord"}):
        made = share(server.client, **fields)
        visitor = Visitor(server, made["token"])
        assert visitor.ids() == [image_id]
        assert visitor.picture(image_id).status_code == 200


def test_unknown_links_are_all_alike(people: People) -> None:
    """Whatever the token looks like."""
    for token in ("x" * 32, "x", "..x", "%00", "ü" * 32, "a" * 5000):
        visitor = Visitor(people.server, token)
        for answer in (visitor.open(), visitor.images(), visitor.unlock("x")):
            assert answer.status_code == 404, token
    head = client_of(people.server).head(f"/api/v1/shared/{'x' * 32}")
    assert head.status_code == 404
