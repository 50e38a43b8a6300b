"""API keys: shown once, with the scopes that they name, and invalid when removed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests import databases
from tests.accounts import Account, admin_of, client_of, make_key, make_user, refused
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

KEYS, ME = "/api/v1/api-keys", "/api/v1/users/me"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user."""
    return make_user(guarded, admin, "ada")


@pytest.fixture(scope="module")
def eve(guarded: Server, admin: Account) -> Account:
    """Another user."""
    return make_user(guarded, admin, "eve")


def test_a_key_is_shown_once_and_kept_as_a_hash(guarded: Server, ada: Account) -> None:
    """Scanners of source code can recognise its form."""
    made = ada.client.post(KEYS, json={"name": "ci", "scopes": ["read"]})

    shown = made.json()
    key = shown.pop("key")
    secret = key.rpartition("_")[2]
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert re.fullmatch("isk_[0-9a-f]{32}_[0-9a-f]{64}", key)
    assert client_of(guarded, key).get(ME).json()["scopes"] == ["read"]
    listed = ada.client.get(KEYS)
    assert shown in [{**item, "last_used_at": None} for item in listed.json()["data"]]
    assert secret not in listed.text
    kept = databases.dump(guarded.data_dir)
    assert secret not in kept
    assert ada.id in kept or ada.id.replace("-", "") in kept


def test_a_key_is_accepted_in_either_field(guarded: Server, ada: Account) -> None:
    """`X-API-Key` is for clients that cannot set Authorization."""
    for headers in (
        {"authorization": f"Bearer {ada.key}"},
        {"authorization": f"bearer  {ada.key}"},
        {"x-api-key": ada.key},
    ):
        assert guarded.client.get(ME, headers=headers).json()["id"] == ada.id


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"read"}),
        (["upload"], {"upload"}),
        (["manage"], {"manage"}),
        (["read", "manage"], {"read", "manage"}),
        (["admin"], {"read", "upload", "manage", "admin"}),
    ],
)
def test_a_key_permits_only_its_scopes(
    guarded: Server, admin: Account, scopes: list[str], allowed: set[str]
) -> None:
    """The error names the missing scope; admin includes all scopes."""
    _key, client = make_key(guarded, admin, admin.id, scopes)
    answers = {
        "read": client.get("/api/v1/images"),
        "upload": client.post("/images", content=picture(1)),
        "manage": client.delete(f"/api/v1/images/{uuid4()}"),
        "admin": client.get("/api/v1/users"),
    }

    for scope, answer in answers.items():
        if scope in allowed:
            assert answer.status_code in {200, 201, 404}
        else:
            assert scope in assert_problem(answer, 403, "forbidden")["detail"]
            assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("mine", "asked", "status"),
    [
        (["manage"], ["manage"], 201),
        (["manage"], ["read"], 403),
        (["manage", "read"], ["read", "upload"], 403),
        (["read", "upload", "manage"], ["admin"], 403),
        (["read", "upload"], ["read"], 403),
    ],
)
def test_a_user_cannot_grant_missing_scopes(
    guarded: Server,
    admin: Account,
    ada: Account,
    mine: list[str],
    asked: list[str],
    status: int,
) -> None:
    """A key without `manage` makes no keys at all: a leaked key must not make others."""
    _key, client = make_key(guarded, admin, ada.id, mine)

    assert client.post(KEYS, json={"name": "x", "scopes": asked}).status_code == status


def test_an_admin_makes_no_admin_of_a_user_by_a_key(
    guarded: Server, admin: Account, ada: Account
) -> None:
    """Only the user record determines who is an admin."""
    body = {"name": "x", "scopes": ["admin"], "user_id": ada.id}

    assert_problem(admin.client.post(KEYS, json=body), 403, "forbidden")


def test_keys_of_other_users_do_not_exist(
    guarded: Server, ada: Account, eve: Account, admin: Account
) -> None:
    """They cannot be listed, removed or made; admins can."""
    key_id = ada.client.get(KEYS).json()["data"][0]["id"]

    assert_problem(eve.client.get(KEYS, params={"user": ada.id}), 404, "not_found")
    assert_problem(eve.client.delete(f"{KEYS}/{key_id}"), 404, "not_found")
    body = {"name": "x", "scopes": ["read"], "user_id": ada.id}
    assert_problem(eve.client.post(KEYS, json=body), 404, "not_found")
    assert key_id not in eve.client.get(KEYS).text
    assert key_id in admin.client.get(KEYS, params={"user": ada.id}).text


def test_a_removed_key_stops_at_once(guarded: Server, admin: Account, ada: Account) -> None:
    """It cannot be removed twice."""
    key, client = make_key(guarded, admin, ada.id, ["read"])
    listed = ada.client.get(KEYS).json()["data"][0]["id"]
    assert client.get(ME).status_code == 200

    assert ada.client.delete(f"{KEYS}/{listed}").status_code == 204

    refused(client.get(ME))
    assert_problem(ada.client.delete(f"{KEYS}/{listed}"), 404, "not_found")
    assert key.split("_")[1] not in ada.client.get(KEYS).text


def test_an_expired_key_gets_a_specific_error(guarded: Server, admin: Account) -> None:
    """The owner then knows what to do, and no other requester can find out."""

    def good_key() -> tuple[str, httpx2.Client] | None:
        soon = datetime.now(UTC) + timedelta(seconds=1.5)
        made = make_key(guarded, admin, admin.id, ["read"], expires_at=soon.isoformat())
        return made if made[1].get(ME).status_code == 200 else None

    key, client = until(good_key)
    until(lambda: client.get(ME).status_code == 401)

    refused(client.get(ME), "expired")
    forged = key[:-4] + ("0000" if key[-4:] != "0000" else "1111")
    answer = client_of(guarded, forged).get(ME)
    refused(answer)
    assert "expired" not in answer.text


@pytest.mark.parametrize("part", ["id", "secret", "prefix", "case", "longer", "shorter"])
def test_a_key_that_differs_anywhere_is_refused(guarded: Server, ada: Account, part: str) -> None:
    """The message is the same for every differing part."""
    prefix, key_id, secret = ada.key.split("_")
    other = {
        "id": f"{prefix}_{uuid4().hex}_{secret}",
        "secret": f"{prefix}_{key_id}_{secret[::-1]}",
        "prefix": f"isr_{key_id}_{secret}",
        "case": ada.key.upper(),
        "longer": f"{ada.key}0",
        "shorter": ada.key[:-1],
    }[part]

    refused(client_of(guarded, other).get(ME))


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": "", "scopes": ["read"]}, "name"),
        ({"name": "a\0b", "scopes": ["read"]}, "name"),
        ({"name": "x" * 101, "scopes": ["read"]}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["write"]}, "scopes.0"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2051-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "scopes": ["read"], "expires_at": "soon"}, "expires_at"),
        (
            {"name": "x", "scopes": ["read"], "expires_at": "9999-12-31T23:59:59-23:59"},
            "expires_at",
        ),
        ({"name": "x", "scopes": ["read"], "user_id": "me"}, "user_id"),
        ({"name": "x", "scopes": ["read"], "secret": "mine"}, "secret"),
    ],
)
def test_an_invalid_key_request_names_each_error(
    ada: Account, body: dict[str, Any], loc: str
) -> None:
    """Each error names its place, and no key is made."""
    document = assert_problem(ada.client.post(KEYS, json=body), 400, "invalid_request")

    assert [fault["loc"] for fault in document["errors"]] == [loc]
    assert ada.client.get(KEYS).status_code == 200


def test_keys_are_listed_in_pages(guarded: Server, admin: Account) -> None:
    """The newest is first."""
    kim = make_user(guarded, admin, "kim-of-the-pages")
    names = [f"key {number}" for number in range(4)]
    for name in names:
        kim.client.post(KEYS, json={"name": name, "scopes": ["read"]})

    first = kim.client.get(KEYS, params={"limit": 3}).json()
    rest = kim.client.get(KEYS, params={"limit": 3, "cursor": first["next_cursor"]}).json()

    listed = [key["name"] for key in first["data"] + rest["data"]]
    assert listed == [*reversed(names), "for a test"]
    assert rest["next_cursor"] is None


def test_the_last_use_of_a_key_is_written_behind(make_server: MakeServer) -> None:
    """No request waits for it; a stop writes pending times."""
    server = make_server(auth="required", workers=1)
    boss = admin_of(server)
    _key, client = make_key(server, boss, boss.id, ["read"])
    client.get(ME)
    server.stop()

    server.start()

    used = boss.client.get(KEYS).json()["data"][0]["last_used_at"]
    assert datetime.now(UTC) - datetime.fromisoformat(used) < timedelta(minutes=1)


def test_metrics_are_for_an_admins_key_that_only_reads(
    guarded: Server, admin: Account, ada: Account
) -> None:
    """The key in a scraper's configuration must not permit more."""
    _key, scraper = make_key(guarded, admin, admin.id, ["read"])

    assert "imagesvc_" in scraper.get("/metrics").text
    assert_problem(ada.client.get("/metrics"), 403, "forbidden")
    assert_problem(guarded.client.get("/metrics"), 401, "unauthorized")
    for path in ("/healthz", "/readyz", "/"):
        assert guarded.client.get(path).status_code == 200
