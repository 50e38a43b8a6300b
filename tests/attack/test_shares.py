"""Attacks on shares, most of which succeeded against other galleries."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.accounts import PASSWORD, Account, client_of, make_user
from tests.attack.located import STRIPPED
from tests.breadth import represented
from tests.http.asking import assert_problem, picture
from tests.imaging.places import traces
from tests.server import Server
from tests.sessions import browser_of
from tests.visitors import SHARES, Visitor, share

SESAME = "open sesame"
ESCAPES = (
    "fox", "fox OR cat", "cat OR fox", "nothing OR fox", "tags:fox OR nothing", "-cat", "-cat -dog",
    "format:jpeg OR fox", "date:2026 OR fox OR format:jpeg", "size:>1", "from:2000",
    "orientation:landscape OR orientation:portrait", 'title:"fox" OR desc:fox',
    "width:>1 fox OR cat",
    "fox) OR (fox", 'fox" OR "fox', "keys:vpublic OR fox", "{keys} : vpublic", "color:#808080",
)  # fmt: skip


def upload(account: Account, seed: int, **fields: str) -> str:
    """Upload a picture; returns its id."""
    files = {"file": ("fox.jpg", picture(seed))}
    made = account.client.post("/api/v1/images", files=files, data=fields)
    assert made.status_code == 201, made.text
    image_id: str = made.json()["id"]
    return image_id


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """Owner of a fox of each visibility."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def foxes(ada: Account) -> list[str]:
    """Ada's images."""
    named = {"title": "fox", "description": "fox", "tags": "fox"}
    return [
        upload(ada, seed, visibility=visibility, **named)
        for seed, visibility in enumerate(("public", "unlisted", "private"))
    ]


@pytest.fixture(scope="module")
def bob(guarded: Server, admin: Account) -> Account:
    """Another user, with one image."""
    bob = make_user(guarded, admin, "bob")
    upload(bob, 9, title="cat", tags="cat")
    return bob


@pytest.mark.parametrize("q", represented(ESCAPES, *ESCAPES[::4]))
def test_no_search_shows_images_of_others(
    guarded: Server, foxes: list[str], bob: Account, q: str
) -> None:
    """Another gallery applied `OR` before its filter by owner (CVE-2026-39957)."""
    answer = bob.client.post(SHARES, json={"q": q})
    if answer.status_code == 400:
        return
    visitor = Visitor(guarded, answer.json()["url"].rpartition("/")[2])

    assert set(visitor.ids()) & set(foxes) == set()
    for image_id in foxes:
        for name in ("thumbnail", "original"):
            assert_problem(visitor.picture(image_id, name), 404, "not_found")


def test_the_searches_that_escape_find_something(ada: Account, foxes: list[str]) -> None:
    """Without it the test above would prove nothing."""
    found = {
        q: {image["id"] for image in answer.json()["data"]}
        for q in ESCAPES
        if (answer := ada.client.get(f"/api/v1/images?q={quote(q)}")).status_code == 200
    }

    assert sum(set(foxes) <= ids for ids in found.values()) >= 10


def test_a_share_shows_nothing_beside_its_target(
    guarded: Server, ada: Account, foxes: list[str]
) -> None:
    """Guests downloaded photos that were not shared, by their ids (photoview, pg#53)."""
    visitor = Visitor(guarded, share(ada.client, image_id=foxes[0], allow_download=True)["token"])
    assert visitor.picture(foxes[0], "original").status_code == 200

    for image_id in foxes[1:]:
        for name in ("thumbnail", "preview", "original"):
            assert_problem(visitor.picture(image_id, name), 404, "not_found")
    stranger = client_of(guarded)
    for token in (foxes[0], "x" * 32):
        answer = stranger.get(f"/s/{token}/i/{foxes[0]}/thumbnail")
        assert_problem(answer, 404, "not_found")


def test_others_cannot_share_what_is_not_theirs(
    bob: Account, ada: Account, foxes: list[str]
) -> None:
    """Private images do not exist for them, and visible ones are not theirs (CVE-2026-57943)."""
    title = {"title": "x", "visibility": "private"}
    collection_id = ada.client.post("/api/v1/collections", json=title).json()["id"]
    tried: dict[str, Any] = {
        foxes[0]: "image_id", foxes[2]: "image_id", collection_id: "collection_id",
    }  # fmt: skip

    statuses = [
        bob.client.post(SHARES, json={name: target}).status_code for target, name in tried.items()
    ]

    assert statuses == [403, 404, 404]
    made = share(ada.client, image_id=foxes[0])
    for method in ("GET", "PATCH", "DELETE"):
        body = {"title": "mine"} if method == "PATCH" else None
        answer = bob.client.request(method, f"{SHARES}/{made['id']}", json=body)
        assert_problem(answer, 404, "not_found")


def test_one_password_opens_one_share(guarded: Server, ada: Account, foxes: list[str]) -> None:
    """Another gallery unlocked all albums that had the same password (CVE-2026-22784)."""
    first, second = (
        share(ada.client, image_id=image_id, allow_download=True, password=SESAME)
        for image_id in foxes[:2]
    )
    answer = Visitor(guarded, first["token"]).unlock(SESAME)
    value = re.findall(f"imagesvc_share_{first['id']}=([^;]+)", answer.headers["set-cookie"])[0]

    for name in (f"imagesvc_share_{first['id']}", f"imagesvc_share_{second['id']}"):
        visitor = Visitor(guarded, second["token"])
        visitor.client.headers["cookie"] = f"{name}={value}"
        archive = visitor.client.get(f"/s/{second['token']}/archive")
        for refused in (visitor.open(), visitor.images(), visitor.picture(foxes[1]), archive):
            assert_problem(refused, 403, "password_required")
    visitor = Visitor(guarded, first["token"])
    visitor.client.headers["cookie"] = f"imagesvc_share_{first['id']}={value}"
    assert visitor.picture(foxes[0]).status_code == 200


@pytest.mark.parametrize("change", ["expires", "mac", "empty", "none", "long"])
def test_a_cookie_cannot_be_made(
    guarded: Server, ada: Account, foxes: list[str], change: str
) -> None:
    """Neither from nothing nor from one that has been given out."""
    made = share(ada.client, image_id=foxes[0], password=SESAME)
    answer = Visitor(guarded, made["token"]).unlock(SESAME)
    expires, mac = re.findall(r"=([0-9]+)\.([0-9a-f]+);", answer.headers["set-cookie"])[0]
    forged = {
        "expires": f"{int(expires) + 1}.{mac}",
        "mac": f"{expires}.{mac[:-1]}{'1' if mac[-1] == '0' else '0'}",
        "empty": f"{expires}.",
        "none": "",
        "long": f"{'9' * 4000}.{mac}",
    }[change]
    visitor = Visitor(guarded, made["token"])
    visitor.client.headers["cookie"] = f"imagesvc_share_{made['id']}={forged}"

    assert_problem(visitor.open(), 403, "password_required")


def test_a_password_in_a_url_opens_nothing(guarded: Server, ada: Account, foxes: list[str]) -> None:
    """It would be in logs and histories (CVE-2026-25118)."""
    made = share(ada.client, image_id=foxes[0], password=SESAME)
    client, query = client_of(guarded), f"?password={quote(SESAME)}"

    for path in ("", "/images", "/unlock"):
        for method in ("GET", "POST"):
            answer = client.request(method, f"/api/v1/shared/{made['token']}{path}{query}")
            assert answer.status_code in {400, 405, 415}, answer.text
    answer = client.get(f"/s/{made['token']}/i/{foxes[0]}/thumbnail{query}")
    assert_problem(answer, 403, "password_required")


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"password": SESAME}},
        {"files": {"password": (None, SESAME)}},
        {"content": f'{{"password": "{SESAME}"}}', "headers": {"content-type": "text/plain"}},
    ],
)
def test_forms_of_other_sites_cannot_send_a_password(
    guarded: Server, ada: Account, foxes: list[str], body: dict[str, Any]
) -> None:
    """A page of another site could begin a visit, which would count."""
    made = share(ada.client, image_id=foxes[0], max_views=1, password=SESAME)

    answer = client_of(guarded).post(f"/api/v1/shared/{made['token']}/unlock", **body)

    assert_problem(answer, 415, "unsupported_media_type")
    assert ada.client.get(f"{SHARES}/{made['id']}").json()["views"] == 0


def test_pages_of_other_sites_cannot_share(guarded: Server, ada: Account, foxes: list[str]) -> None:
    """The browser of a user who has logged in would send the cookie (CVE-2024-48311)."""
    browser = browser_of(guarded, "ada")
    made = share(ada.client, image_id=foxes[0])
    foreign = {"sec-fetch-site": "cross-site"}

    for method, path, body in (
        ("POST", SHARES, {"image_id": foxes[2]}),
        ("PATCH", f"{SHARES}/{made['id']}", {"allow_download": True}),
        ("DELETE", f"{SHARES}/{made['id']}", None),
    ):
        answer = browser.request(method, path, json=body, headers=foreign)
        assert_problem(answer, 403, "forbidden")
    assert browser.get(f"{SHARES}/{made['id']}").json()["allow_download"] is False


def test_the_host_of_a_request_is_in_no_link(ada: Account, foxes: list[str]) -> None:
    """The owner would send a link to another site (CVE-2025-62406)."""
    forged = {
        "host": "evil.example", "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https", "forwarded": "host=evil.example",
        "x-forwarded-prefix": "/evil.example",
    }  # fmt: skip

    answer = ada.client.post(SHARES, json={"image_id": foxes[0]}, headers=forged)

    assert answer.status_code == 201
    assert "evil" not in answer.text + str(answer.headers)
    assert answer.json()["url"].startswith("/s/")


def test_public_url_is_in_the_link(make_server: Any) -> None:
    """The owner copies the link as it is."""
    server = make_server(public_url="https://photos.example/media")
    made = share(server.client, image_id=server.upload(picture(1))["id"])

    assert made["url"] == f"https://photos.example/media/s/{made['token']}"


@pytest.mark.parametrize("name", represented(STRIPPED, "jpeg large", "webp", "png texts"))
def test_visitors_get_no_location(guarded: Server, ada: Account, name: str) -> None:
    """Unless the owner has allowed it at the image and at the share; nor does any page have one."""
    files = {"file": ("a", STRIPPED[name])}
    image_id = ada.client.post("/api/v1/images", files=files).json()["id"]
    made = share(ada.client, image_id=image_id, allow_download=True)
    visitor, path = Visitor(guarded, made["token"]), f"/api/v1/images/{image_id}"

    def is_located() -> bool:
        answers = [visitor.picture(image_id, "original"), visitor.images(), visitor.open()]
        assert {answer.status_code for answer in answers} == {200}
        assert not traces(answers[1].content + answers[2].content)
        return bool(traces(answers[0].content))

    assert not is_located()
    ada.client.patch(path, json={"share_location": True})
    assert not is_located()
    ada.client.patch(f"{SHARES}/{made['id']}", json={"show_metadata": True})
    assert is_located()
    ada.client.patch(path, json={"share_location": False})
    assert not is_located()


def test_memory_answers_no_visitor_after_the_end(
    guarded: Server, ada: Account, foxes: list[str]
) -> None:
    """A public image is in memory, under other URLs."""
    made = share(ada.client, image_id=foxes[0])
    visitor = Visitor(guarded, made["token"])
    for _ in range(4):
        assert visitor.picture(foxes[0]).headers["cache-control"] == "private, max-age=300"
        assert visitor.client.get(f"/images/{foxes[0]}/thumbnail").status_code == 200

    ada.client.delete(f"{SHARES}/{made['id']}")

    for name in ("thumbnail", "preview"):
        assert_problem(visitor.picture(foxes[0], name), 404, "not_found")
    etag = visitor.client.get(f"/images/{foxes[0]}/thumbnail").headers["etag"]
    for headers in ({"if-none-match": etag}, {"range": "bytes=0-9"}, {"if-match": etag}):
        assert_problem(visitor.picture(foxes[0], **headers), 404, "not_found")


def test_the_shares_of_a_disabled_user_are_closed(guarded: Server, admin: Account) -> None:
    """They come back with the user."""
    eve = make_user(guarded, admin, "eve")
    image_id = upload(eve, 30)
    visitor = Visitor(guarded, share(eve.client, image_id=image_id)["token"])
    assert visitor.picture(image_id).status_code == 200
    user = f"/api/v1/users/{eve.id}"

    admin.client.patch(user, json={"is_disabled": True})
    assert_problem(visitor.picture(image_id), 404, "not_found")
    admin.client.patch(user, json={"is_disabled": False})
    assert visitor.picture(image_id).status_code == 200


def test_a_new_owner_has_not_shared(guarded: Server, admin: Account, bob: Account) -> None:
    """The images of a deleted user go to another one; the shares do not."""
    dan = make_user(guarded, admin, "dan")
    image_id = upload(dan, 31)
    visitor = Visitor(guarded, share(dan.client, image_id=image_id)["token"])

    answer = admin.client.delete(f"/api/v1/users/{dan.id}?images_to={bob.id}")

    assert answer.status_code == 204, answer.text
    assert bob.client.get(f"/api/v1/images/{image_id}").status_code == 200
    assert_problem(visitor.picture(image_id), 404, "not_found")


def test_tokens_are_not_stored(guarded: Server, ada: Account, foxes: list[str]) -> None:
    """Readers of the database open no share."""
    made = share(ada.client, image_id=foxes[0], password=SESAME)
    files = [path for path in guarded.data_dir.glob("imagesvc.db*") if path.is_file()]

    stored = b"".join(path.read_bytes() for path in files)

    assert made["id"].replace("-", "").encode() in stored
    assert made["token"].encode() not in stored
    assert SESAME.encode() not in stored
