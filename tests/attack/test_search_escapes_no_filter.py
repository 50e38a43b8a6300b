"""No search leaves the images that its requester may see, nor those of the filters beside it.

In another gallery, `OR` in a search applied before the filter by owner (CVE-2026-39957).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.breadth import represented
from tests.http.asking import picture
from tests.server import Server

SEARCHES = (
    "fox", "fox OR cat", "cat OR fox", "nothing OR fox", "tags:fox OR nothing",
    "fox OR is:favourite",
    "is:favourite OR fox", "is:favourite", "-cat", "-cat -dog", "-is:favourite",
    "format:jpeg OR fox",
    "date:2026 OR fox OR format:jpeg", "orientation:landscape OR orientation:portrait",
    'title:"fox" OR desc:fox', "size:>1 fox OR cat", "from:2000", "fox) OR (fox", 'fox" OR "fox',
    "keys:vprivate OR fox", "{keys} : vprivate", "color:#abc OR fox",
)  # fmt: skip
FEW = (
    "fox OR cat", "tags:fox OR nothing", "fox OR is:favourite", "-cat", "fox) OR (fox",
    'fox" OR "fox', "{keys} : vprivate",
)  # fmt: skip
EXTRA = ("", "&visibility=private", "&visibility=unlisted", "&favourite=true", "&favourite=false")


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """Owner of a hidden fox of each kind; all are favourites."""
    account = make_user(guarded, admin, "ada")
    for place, visibility in enumerate(("private", "unlisted")):
        upload(account, place, visibility)
    return account


@pytest.fixture(scope="module")
def bob(guarded: Server, admin: Account) -> Account:
    """Another user without images."""
    return make_user(guarded, admin, "bob")


def upload(account: Account, seed: int, visibility: str) -> None:
    """Upload an image that the searches find, and mark it."""
    made = account.client.post(
        "/api/v1/images",
        files={"file": ("fox.jpg", picture(seed))},
        data={"title": "fox", "description": "fox", "tags": "fox", "visibility": visibility},
    )
    path = f"/api/v1/images/{made.json()['id']}"
    assert account.client.patch(path, json={"is_favourite": True}).status_code == 200


@pytest.mark.parametrize("q", represented(SEARCHES, *FEW))
def test_hidden_images_of_others_are_in_no_search(ada: Account, bob: Account, q: str) -> None:
    """Neither in lists nor in any count."""
    months = ada.client.get("/api/v1/timeline").json()["months"]
    assert months
    for extra in ("", f"&owner={bob.id}", *EXTRA):
        query = f"q={q.replace('#', '%23').replace('&', '%26')}{extra}"
        listed = bob.client.get(f"/api/v1/images?total=true&{query}")
        if listed.status_code == 400:
            assert listed.json()["code"] == "invalid_query"
            continue
        assert (listed.json()["data"], listed.json()["total"]) == ([], 0), query
        timeline = bob.client.get(f"/api/v1/timeline?{query}").json()
        assert (timeline["total"], timeline["months"]) == (0, []), query
        for month in months:
            assert bob.client.get(f"/api/v1/timeline/{month}?{query}").json()["ids"] == []
    assert ada.client.get("/api/v1/timeline?q=fox OR cat").json()["total"] == 2


def test_a_filter_by_owner_holds_beside_a_search(ada: Account, bob: Account) -> None:
    """A search in the own images finds no public images of others."""
    upload(ada, 9, "public")
    for q in SEARCHES:
        found: dict[str, Any] = bob.client.get(
            "/api/v1/images", params={"q": q, "owner": bob.id}
        ).json()
        assert found.get("data", []) == [], q
        counted = bob.client.get("/api/v1/timeline", params={"q": q, "owner": bob.id}).json()
        assert counted.get("total", 0) == 0, q
