"""Private variants that browsers may keep, and those that they ask for each time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, make_user
from tests.http.asking import picture
from tests.server import Server
from tests.sessions import browser_of

KEPT = "private, max-age=2592000, immutable"
ASKED = "private, no-cache"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user who can log in."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def browser(guarded: Server, ada: Account) -> httpx2.Client:
    """A browser in which she has logged in."""
    return browser_of(guarded, "ada")


@pytest.fixture(scope="module")
def presets(browser: httpx2.Client) -> dict[str, str]:
    """The ends of the URLs of presets, as pages have them."""
    page = browser.get("/", headers={"accept": "text/html"})
    block = '<script type="application/json" id="page">(.*?)</script>'
    data = re.search(block, page.text, re.DOTALL)
    assert data is not None
    found: dict[str, str] = json.loads(data[1])["presets"]
    return found


def upload(ada: Account, **fields: str) -> str:
    """Upload a private image; returns the URL of its bytes."""
    sent = {"visibility": "private", **fields}
    made = ada.client.post("/api/v1/images", files={"file": ("a.jpg", picture(1))}, data=sent)
    return f"/images/{made.json()['id']}"


def test_versioned_presets_are_kept_by_the_browser_of_a_session(
    ada: Account, browser: httpx2.Client, presets: dict[str, str]
) -> None:
    """Another cookie is another request, and each preset has a version in the pages."""
    url = f"{upload(ada)}/{presets['grid']}"

    answer = browser.get(url)
    again = browser.get(url, headers={"if-none-match": answer.headers["etag"]})

    assert re.fullmatch("grid[?]v=[0-9a-f]{8}", presets["grid"])
    assert answer.headers["content-type"] == "image/webp"
    for one in (answer, again):
        assert one.headers["cache-control"] == KEPT
        assert "Cookie" in one.headers["vary"]
    assert again.status_code == 304


def test_all_other_private_pictures_are_asked_for_each_time(
    ada: Account, browser: httpx2.Client, presets: dict[str, str]
) -> None:
    """Without the current version, with a key, originals and free transforms."""
    image = upload(ada)
    version = presets["grid"].partition("?")[2]
    for path in ("", "/grid", "/grid?v=00000000", "?w=20", f"?w=20&{version}", f"?{version}",
                 f"/thumbnail?{version}"):  # fmt: skip
        answer = browser.get(f"{image}{path}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == ASKED, path
    assert ada.client.get(f"{image}/{presets['grid']}").headers["cache-control"] == ASKED


def test_nothing_is_kept_longer_than_the_image(
    ada: Account, browser: httpx2.Client, presets: dict[str, str]
) -> None:
    """Nor in the trash; public ones are cached as before."""
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    expiring = browser.get(f"{upload(ada, expires_at=soon)}/{presets['grid']}")
    public = browser.get(f"{upload(ada, visibility='public')}/{presets['grid']}")
    trashed = upload(ada)
    ada.client.post("/api/v1/images/actions/trash", json={"ids": [trashed.rpartition("/")[2]]})

    match = re.fullmatch("private, max-age=([0-9]+)", expiring.headers["cache-control"])
    assert match is not None
    assert int(match[1]) <= 3600
    assert public.headers["cache-control"].startswith("public, max-age=")
    in_trash = browser.get(f"{trashed}/{presets['grid']}")
    assert (in_trash.status_code, in_trash.headers["cache-control"]) == (200, ASKED)


def test_a_kept_picture_is_not_another_users(
    guarded: Server, admin: Account, ada: Account, presets: dict[str, str]
) -> None:
    """The server answers 404 to all others, with and without a version."""
    make_user(guarded, admin, "bob", password=PASSWORD)
    bob = browser_of(guarded, "bob")
    image = upload(ada)

    for path in ("/grid", f"/{presets['grid']}"):
        answer = bob.get(f"{image}{path}")
        assert answer.status_code == 404
        assert "max-age" not in answer.headers.get("cache-control", "")
