"""Signed URLs from the API: a private image in the `<img>` of a page, for a limited time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from PIL import Image

from tests.accounts import Account, admin_of, make_key, make_user
from tests.http.asking import assert_problem, picture
from tests.server import Server


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts where transforms and originals must be signed."""
    place = tmp_path_factory.mktemp("signing") / "data"
    server = Server(
        place, auth="required", rate_limits="off", transform_policy="signed", workers=1,
        signed_url_max_lifetime="1d",
    ).start()  # fmt: skip
    yield server
    server.close()


@pytest.fixture(scope="module")
def admin(signing: Server) -> Account:
    return admin_of(signing)


@pytest.fixture(scope="module")
def ada(signing: Server, admin: Account) -> Account:
    return make_user(signing, admin, "ada")


@pytest.fixture(scope="module")
def eve(signing: Server, admin: Account) -> Account:
    return make_user(signing, admin, "eve")


@pytest.fixture(scope="module")
def private(ada: Account) -> dict[str, Any]:
    """A private image of Ada."""
    image: dict[str, Any] = ada.client.post("/api/v1/images", content=picture(1)).json()
    assert image["visibility"] == "private"
    return image


def sign(client: httpx2.Client, image_id: str, **asked: Any) -> httpx2.Response:
    return client.post(f"/api/v1/images/{image_id}/signed-urls", json=asked)


def test_a_private_image_is_shown_without_a_credential(
    signing: Server, ada: Account, private: dict[str, Any]
) -> None:
    """Original, preset and transform, in the order of the request, on pages of any site."""
    operations = ["original", "thumbnail", "w=40&format=png", {"w": 30}, {"preset": "preview"}]

    answer = sign(ada.client, private["id"], operations=operations)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    signed = answer.json()["data"]
    assert [one["operation"] for one in signed] == operations
    shown = [signing.client.get(one["url"]) for one in signed]
    assert [one.status_code for one in shown] == [200] * 5
    assert {one.headers["cross-origin-resource-policy"] for one in shown} == {"cross-origin"}
    sizes = [Image.open(io.BytesIO(one.content)).width for one in shown]
    assert sizes == [640, 256, 40, 30, 640]
    assert signing.client.get(private["urls"]["original"]).status_code == 403
    assert signing.client.get(private["urls"]["thumbnail"]).status_code == 404


def test_by_default_the_original_is_signed_for_an_hour(
    signing: Server, ada: Account, private: dict[str, Any]
) -> None:
    """A URL for a download has the parameter for it."""
    before = datetime.now(UTC).replace(microsecond=0)

    plain = sign(ada.client, private["id"]).json()
    saved = sign(ada.client, private["id"], download=True, expires_in=86_400).json()

    ends = datetime.fromisoformat(plain["expires_at"])
    assert before + timedelta(hours=1) <= ends <= datetime.now(UTC) + timedelta(hours=1)
    (one,) = plain["data"]
    assert one["operation"] == "original"
    assert parse_qs(urlsplit(one["url"]).query)["exp"] == [str(int(ends.timestamp()))]
    disposition = signing.client.get(saved["data"][0]["url"]).headers["content-disposition"]
    assert disposition.startswith("attachment")


def test_a_signed_url_is_valid_for_its_picture_only(
    signing: Server, ada: Account, private: dict[str, Any]
) -> None:
    """It is not valid for another transform, a later expiry, or another image."""
    other = ada.client.post("/api/v1/images", content=picture(2)).json()
    url = sign(ada.client, private["id"], operations=["w=40"]).json()["data"][0]["url"]
    exp = parse_qs(urlsplit(url).query)["exp"][0]

    for changed in (
        url.replace("w=40", "w=41"),
        url.replace(f"exp={exp}", f"exp={int(exp) + 1}"),
        url.replace(private["id"], other["id"]),
        url.replace(f"&exp={exp}", ""),
    ):
        assert changed != url
        assert_problem(signing.client.get(changed), 403, "signature_invalid")


def test_only_the_owner_and_admins_sign(
    signing: Server, admin: Account, ada: Account, eve: Account, private: dict[str, Any]
) -> None:
    """Private images do not exist for other users; public ones are not theirs to sign."""
    public = ada.client.post("/images?visibility=public", content=picture(3)).json()
    _key, reader = make_key(signing, admin, ada.id, ["read"])
    _key, uploader = make_key(signing, admin, ada.id, ["upload"])

    assert sign(admin.client, private["id"]).status_code == 200
    assert sign(reader, private["id"]).status_code == 200
    assert_problem(sign(uploader, private["id"]), 403, "forbidden")
    assert_problem(sign(eve.client, private["id"]), 404, "not_found")
    assert_problem(sign(eve.client, public["id"]), 403, "forbidden")
    assert_problem(sign(signing.client, public["id"]), 401, "unauthorized")
    absent = sign(eve.client, "01900000-0000-7000-8000-000000000000")
    hidden = sign(eve.client, private["id"])
    assert absent.json() == hidden.json()


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"expires_in": 86_401}, "expires_in"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 10**30}, "expires_in"),
        ({"expires_in": "60"}, "expires_in"),
        ({"operations": []}, "operations"),
        ({"operations": ["w=40"] * 21}, "operations"),
        ({"operations": ["original", "nope"]}, "operations.1.preset"),
        ({"operations": ["original", {"w": 0}]}, "operations.1.w"),
        ({"expires": 60}, "expires"),
        ({"download": 1}, "download"),
    ],
)
def test_invalid_members_are_named(
    ada: Account, private: dict[str, Any], asked: dict[str, Any], place: str
) -> None:
    """The error has its position in the body."""
    answer = sign(ada.client, private["id"], **asked)

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"] == place
