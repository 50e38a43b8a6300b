"""Saved searches: each user has some, and nobody else sees them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.http.asking import assert_problem
from tests.server import Server

pytestmark = pytest.mark.joint

SEARCHES = "/api/v1/searches"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user."""
    return make_user(guarded, admin, "ada")


def saved(account: Account, **body: str) -> dict[str, Any]:
    """Save a search."""
    made = account.client.post(SEARCHES, json=body)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{SEARCHES}/{made.json()['id']}"
    shown: dict[str, Any] = made.json()
    return shown


def test_searches_are_saved_changed_and_deleted(ada: Account) -> None:
    """The list has the newest first."""
    first = saved(ada, name=" Sea ", q="tags:sea OR lake")
    second = saved(ada, name="All", q="")
    url = f"{SEARCHES}/{first['id']}"

    assert first["name"] == "Sea"
    assert ada.client.get(url).json() == first
    listed = ada.client.get(SEARCHES, params={"limit": 1}).json()
    assert [search["id"] for search in listed["data"]] == [second["id"]]
    rest = ada.client.get(SEARCHES, params={"cursor": listed["next_cursor"]}).json()["data"]
    assert [search["id"] for search in rest] == [first["id"]]
    changed = ada.client.patch(url, json={"q": "tags:sea"}).json()
    assert changed == first | {"q": "tags:sea", "updated_at": changed["updated_at"]}
    assert ada.client.delete(url).status_code == 204
    assert_problem(ada.client.get(url), 404, "not_found")


def test_others_and_admins_do_not_have_them(guarded: Server, admin: Account, ada: Account) -> None:
    """Neither in lists nor by id."""
    bob = make_user(guarded, admin, "bob")
    url = f"{SEARCHES}/{saved(ada, name='mine', q='x')['id']}"

    for account in (bob, admin):
        assert account.client.get(SEARCHES).json()["data"] == []
        assert account.client.get(url).status_code == 404
        assert account.client.patch(url, json={"name": "x"}).status_code == 404
        assert account.client.delete(url).status_code == 404
    assert ada.client.get(url).json()["name"] == "mine"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "x"}, "q"), ({"q": "x"}, "name"), ({"name": " ", "q": "x"}, "name"),
        ({"name": "x" * 101, "q": "x"}, "name"), ({"name": "x", "q": "x" * 501}, "q"),
        ({"name": "x", "q": "date:13"}, "q:6"), ({"name": "x\0", "q": "x"}, "name"),
        ({"name": 3, "q": "x"}, "name"), ({"name": "x", "q": "x", "owner": "y"}, "owner"),
    ],
)  # fmt: skip
def test_bad_searches_are_refused(ada: Account, body: dict[str, Any], place: str) -> None:
    """When they are saved, and when they are changed."""
    answer = ada.client.post(SEARCHES, json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"] == place
    if place == "q:6":
        url = f"{SEARCHES}/{saved(ada, name='x', q='x')['id']}"
        assert ada.client.patch(url, json={"q": body["q"]}).status_code == 400


def test_a_user_has_two_hundred_at_most(guarded: Server, admin: Account) -> None:
    """The next one is a conflict, until one is deleted."""
    eve = make_user(guarded, admin, "eve")
    ids = [saved(eve, name=str(number), q="x")["id"] for number in range(200)]

    answer = eve.client.post(SEARCHES, json={"name": "x", "q": "x"})

    assert_problem(answer, 409, "conflict")
    eve.client.delete(f"{SEARCHES}/{ids[0]}")
    saved(eve, name="x", q="x")
