"""Facets over HTTP: the most frequent values of what a search finds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.http.test_search import photo
from tests.server import Server
from tests.waiting import until

FACETS = "/api/v1/facets"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with three images."""
    account = make_user(guarded, admin, "ada")
    fuji, canon = ("FUJIFILM", "X100V"), ("Canon", "EOS 5D")
    for content, tags in (
        (photo("#2f6b9a", taken="2016:03:24 12:00:00", camera=fuji), "sea,sand"),
        (photo("#101018", taken="2018:12:24 23:59:59", camera=canon), "sea,night"),
        (photo("#f0a040", kind="PNG", taken="2016:01:01 00:00:00", camera=fuji), ""),
    ):
        sent = {"tags": tags, "visibility": "private"}
        made = account.client.post("/api/v1/images", files={"file": ("a", content)}, data=sent)
        assert made.status_code == 201
        job = f"/api/v1/jobs/{made.json()['job']['id']}"
        until(lambda path=job: account.client.get(path).json()["status"] == "succeeded")  # type: ignore[misc]
    return account


def facets(account: Account, **query: str) -> dict[str, Any]:
    """The facets, each as a dictionary in order."""
    shown = account.client.get(FACETS, params=query).json()
    return {
        name: {item["value"]: item["count"] for item in value} if isinstance(value, list) else value
        for name, value in shown.items()
    }


def test_the_most_frequent_values_come_first(ada: Account) -> None:
    """Equal ones are in the order of the alphabet."""
    found = facets(ada)

    assert {name: list(found[name].items()) for name in ("tags", "cameras", "years")} == {
        "tags": [("sea", 2), ("night", 1), ("sand", 1)],
        "cameras": [("FUJIFILM X100V", 2), ("Canon EOS 5D", 1)],
        "years": [("2016", 2), ("2018", 1)],
    }
    assert found["formats"] == {"jpeg": 2, "png": 1}
    assert found["colors"] == {"black": 1, "blue": 1, "orange": 1}
    assert (found["images"], found["is_exact"]) == (3, True)


def test_each_value_is_a_search(ada: Account) -> None:
    """With its count of images."""
    found = facets(ada)

    for name, form in (
        ("tags", "tags:{}"), ("cameras", 'camera:"{}"'), ("years", "date:{}"),
        ("formats", "format:{}"), ("colors", "color:{}"),
    ):  # fmt: skip
        for value, count in found[name].items():
            assert facets(ada, q=form.format(value))["images"] == count
    assert facets(ada, q="tags:sea date:2016")["tags"] == {"sand": 1, "sea": 1}


def test_others_see_nothing_of_private_images(
    guarded: Server, admin: Account, ada: Account
) -> None:
    """Neither values nor numbers, whatever is searched."""
    bob = make_user(guarded, admin, "bob")
    nothing = {
        "tags": {}, "cameras": {}, "years": {}, "formats": {}, "colors": {}, "images": 0,
        "is_exact": True,
    }  # fmt: skip

    for q in ("", "sea", "tags:sea OR format:jpeg", "-night", "is:favourite OR sea"):
        assert facets(bob, q=q) == nothing
        assert facets(bob, q=q, owner=bob.id) == nothing


def test_facets_are_tagged_and_check_their_input(ada: Account) -> None:
    """As the timeline does."""
    first = ada.client.get(FACETS)
    etag = first.headers["etag"]

    assert ada.client.get(FACETS, headers={"if-none-match": etag}).status_code == 304
    for query, place in (
        ({"q": "date:13"}, "q:6"), ({"sort": "name"}, "sort"), ({"limit": "5"}, "limit"),
        ({"owner": "x"}, "owner"),
    ):  # fmt: skip
        answer = ada.client.get(FACETS, params=query)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["loc"] == place
