"""Collections: the page of all of them, and the page of one with its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.accounts import PASSWORD, Account, admin_of, make_user
from tests.browser.contexts import Contexts
from tests.browser.pages import NARROW, Visits, axe_violations, logged_in, url_of, violations
from tests.http.asking import picture
from tests.server import Server

BASE = "/photos"
HOSTILE = "<img src=x onerror=alert(1)>\u202e{{1}} " + 20 * "long "
COUNT = 4


@dataclass(frozen=True, slots=True)
class Library:
    """A user with images, and another user, on a server below a path."""

    server: Server
    ada: Account
    eve: Account
    images: list[str]
    """The newest first."""

    def make(self, title: str, *indexes: int, **fields: Any) -> str:
        """The id of a new collection of the user, with some of the images."""
        made = self.ada.client.post(
            f"{BASE}/api/v1/collections", json={"title": title, **fields}
        ).json()
        if indexes:
            ids = [self.images[index] for index in indexes]
            body = {"ids": ids, "collection_id": made["id"]}
            url = f"{BASE}/api/v1/images/actions/update"
            assert self.ada.client.post(url, json=body).json()["changed"] == len(ids)
        found: str = made["id"]
        return found

    def collections(self) -> dict[str, dict[str, Any]]:
        """The collections of the user, by title."""
        listed = self.ada.client.get(f"{BASE}/api/v1/collections").json()["data"]
        return {one["title"]: one for one in listed}

    def clear(self) -> None:
        """Delete all collections."""
        nowhere = {"q": "", "collection_id": None}
        url = f"{BASE}/api/v1/images/actions/update"
        assert self.ada.client.post(url, json=nowhere).status_code == 200
        for one in self.collections().values():
            gone = self.ada.client.delete(f"{BASE}/api/v1/collections/{one['id']}")
            assert gone.status_code == 204


@pytest.fixture(scope="module")
def server_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A server with accounts, for the tests of this module."""
    server = Server(
        tmp_path_factory.mktemp("collections") / "data",
        auth="required", rate_limits="off", base_path=BASE,
    ).start()  # fmt: skip
    admin = admin_of(server)
    ada, eve = (make_user(server, admin, name, password=PASSWORD) for name in ("ada", "eve"))
    images = []
    for number in range(COUNT):
        files = {"file": (f"{number}.jpg", picture(number, (300, 200)))}
        image = ada.client.post(f"{BASE}/api/v1/images", files=files).json()
        date = {"taken_at": f"2026-05-0{number + 1}T12:00:00"}
        changed = ada.client.patch(f"{BASE}/api/v1/images/{image['id']}", json=date)
        assert changed.status_code == 200
        images.append(image["id"])
    yield Library(server, ada, eve, images[::-1])
    server.close()


@pytest.fixture
def library(server_library: Library) -> Iterator[Library]:
    """That server; afterwards without collections."""
    yield server_library
    server_library.clear()


@pytest.fixture(scope="module")
def page(contexts: Contexts, server_library: Library) -> Iterator[Page]:
    """A page of the user, who has logged in."""
    visits = Visits(contexts)
    visits.expect_error("404|412|ERR_FAILED")
    made = visits.page()
    yield logged_in(made, server_library.server, "ada", PASSWORD)
    visits.close()
    assert visits.errors == []


def visit(page: Page, library: Library, path: str) -> None:
    """Open a page of the gallery."""
    page.goto(url_of(library.server, f"{BASE}{path}"))


def card(page: Page, title: str) -> Locator:
    """The card of a collection."""
    return page.locator(".collection", has=page.get_by_text(title, exact=True))


@pytest.mark.breadth
def test_an_edit_does_not_overwrite_another(page: Page, library: Library) -> None:
    """The dialog begins with what there is, and is refused if that has changed since."""
    place = library.make("Trip")
    visit(page, library, f"/collections/{place}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Trip")
    dialog = page.get_by_role("dialog", name="Edit the collection")
    page.keyboard.press("e")
    dialog.get_by_label("Title").fill("Journey")
    change = {"description": "Changed meanwhile"}
    at = f"{BASE}/api/v1/collections/{place}"
    assert library.ada.client.patch(at, json=change).status_code == 200
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Request ")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(dialog.get_by_label("Description")).to_have_value("Changed meanwhile")
    dialog.get_by_label("Title").fill("Journey")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Journey")
    assert library.collections()["Journey"]["description"] == "Changed meanwhile"


def test_a_collection_is_made_changed_and_deleted(page: Page, library: Library) -> None:
    """By the key n; a title is text; pictures of a collection that is deleted stay."""
    visit(page, library, "/collections")
    expect(page.get_by_role("heading", name="No collections yet")).to_be_visible()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New collection")
    expect(dialog.get_by_label("Title")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Fill in all fields.")
    expect(dialog.get_by_label("Title")).to_be_focused()
    dialog.get_by_label("Title").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.get_by_role("heading", name="No pictures in this")).to_be_visible()

    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Edit the collection")
    expect(dialog.get_by_label("Visibility")).to_have_value("private")
    assert violations(page) == []
    dialog.get_by_label("Visibility").select_option("unlisted")
    dialog.get_by_label("Description").fill("At the <b>sea")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#heading")).to_contain_text("0 pictures · Unlisted")
    expect(page.locator("#heading")).to_contain_text("At the <b>sea")
    made = library.collections()[HOSTILE.strip()]
    assert (made["visibility"], made["description"]) == ("unlisted", "At the <b>sea")
    assert page.locator("main img[src='x'], main b").count() == 0

    library.make("Beach", 0, 1)
    visit(page, library, "/collections")
    expect(card(page, "Beach").locator(".cover img")).to_be_visible()
    expect(card(page, "Beach").locator("small")).to_have_text("2 pictures · Private")
    assert page.locator("main img[src='x']").count() == 0
    assert violations(page) == []
    card(page, "Beach").get_by_role("button", name="Edit Beach").click()
    dialog.get_by_label("Title").fill("Sand")
    page.keyboard.press("Enter")
    expect(card(page, "Sand").locator(".cover img")).to_be_visible()
    page.get_by_role("button", name="Delete Sand").click()
    dialog = page.get_by_role("dialog", name="Delete the collection")
    expect(dialog).to_contain_text("Its 2 pictures stay in the timeline.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".collection")).to_have_count(1)
    expect(page.locator(".collection a:focus")).to_have_count(1)
    assert list(library.collections()) == [HOSTILE.strip()]
    timeline = library.ada.client.get(f"{BASE}/api/v1/timeline").json()
    assert timeline["total"] == COUNT


@pytest.mark.breadth
def test_collections_have_an_order_that_is_remembered(page: Page, library: Library) -> None:
    """The arrows move between the cards, and Enter opens one."""
    for title, indexes in (("B", (0,)), ("A", ()), ("C", (1, 2))):
        library.make(title, *indexes)
    titles = page.locator(".collection strong")
    visit(page, library, "/collections")
    expect(titles).to_have_text(["C", "A", "B"])

    page.get_by_label("Order").select_option("title")
    expect(titles).to_have_text(["A", "B", "C"])
    page.reload()
    expect(titles).to_have_text(["A", "B", "C"])
    page.get_by_label("Order").select_option("count")
    expect(titles).to_have_text(["C", "B", "A"])

    page.get_by_label("Order").blur()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    expect(card(page, "B").locator("a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("B")
    page.get_by_label("Main").get_by_role("link", name="Collections").click()
    expect(titles).to_have_text(["C", "B", "A"])
    page.get_by_label("Order").select_option("newest")


@pytest.mark.breadth
def test_a_collection_shows_its_pictures_in_the_grid(page: Page, library: Library) -> None:
    """Its viewer leads back to it, also after a reload."""
    place = library.make("Trip", 0, 2, 3)
    visit(page, library, f"/collections/{place}")
    tiles = page.locator(".tile a")
    addresses = [f"{BASE}/view/{library.images[index]}" for index in (0, 2, 3)]
    expect(tiles).to_have_count(3)
    assert [tile.get_attribute("href") for tile in tiles.all()] == addresses
    assert violations(page) == []

    tiles.nth(1).click()
    expect(page).to_have_url(url_of(library.server, addresses[1]))
    expect(page.locator(".pswp__counter")).to_have_text("2 / 3")
    page.keyboard.press("Escape")
    expect(page).to_have_url(url_of(library.server, f"{BASE}/collections/{place}"))
    tiles.nth(1).click()
    page.locator(".pswp").wait_for()
    page.reload()
    page.locator(".pswp").wait_for()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trip")
    expect(tiles).to_have_count(3)


@pytest.mark.breadth
def test_pictures_are_taken_out_of_a_collection_and_put_back(page: Page, library: Library) -> None:
    """The heading counts them, and one can be the cover; the last one leaves a notice."""
    place = library.make("Trip", 0, 2, 3)
    visit(page, library, f"/collections/{place}")
    tiles = page.locator(".tile a")
    expect(tiles).to_have_count(3)
    page.locator(".tile .check").nth(1).click()
    page.get_by_role("button", name="Use as the cover").click()
    expect(page.locator("#messages")).to_contain_text("is the cover of the collection now")
    assert library.collections()["Trip"]["cover_image_id"] == library.images[2]
    page.locator(".tile .check").first.click()
    page.get_by_role("button", name="Take out of the collection").click()
    expect(tiles).to_have_count(2)
    expect(page.locator("#heading")).to_contain_text("2 pictures")
    assert library.collections()["Trip"]["image_count"] == 2
    page.get_by_role("button", name="Undo").click()
    expect(tiles).to_have_count(3)
    expect(page.locator("#heading")).to_contain_text("3 pictures")
    page.locator(".tile .check").first.click()
    page.get_by_role("button", name="Take out of the collection").click()
    expect(page.locator("#heading")).to_contain_text("2 pictures")
    page.locator(".tile .check").first.click()
    page.keyboard.press("Delete")
    expect(page.locator("#heading")).to_contain_text("1 picture ·")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#heading")).to_contain_text("2 pictures")
    expect(tiles).to_have_count(2)

    page.keyboard.press("?")
    help_row = page.get_by_role("dialog").locator("dt", has=page.get_by_text("E", exact=True))
    expect(help_row.locator("+ dd")).to_have_text("Edit the collection")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Take out of the collection").click()
    expect(page.get_by_role("heading", name="No pictures in this collection")).to_be_visible()
    assert library.collections()["Trip"]["image_count"] == 0
    put = {"ids": [library.images[2]], "collection_id": place, "is_favourite": False}
    update = f"{BASE}/api/v1/images/actions/update"
    assert library.ada.client.post(update, json=put).json()["changed"] == 1

    visit(page, library, "/collections")
    cover = page.locator(".cover img")
    expect(cover).to_have_attribute("src", re.compile(f"/images/{library.images[2]}/"))


@pytest.mark.breadth
def test_what_others_publish_can_be_seen_only(visits: Visits, library: Library) -> None:
    """Its pictures can be downloaded; nothing of it is offered to be changed."""
    place = library.make("Open", 1, visibility="public")
    url = f"{BASE}/api/v1/images/{library.images[1]}"
    assert library.ada.client.patch(url, json={"visibility": "public"}).status_code == 200
    page = visits.page()
    logged_in(page, library.server, "eve", PASSWORD, f"/collections/{place}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Open")
    expect(page.locator(".page-actions button")).to_have_count(1)
    page.locator(".tile .check").first.click()
    expect(page.locator(".selection-actions button")).to_have_count(1)
    expect(page.get_by_role("toolbar").get_by_role("button", name="ZIP")).to_be_visible()
    visit(page, library, "/collections")
    expect(page.get_by_role("heading", name="No collections yet")).to_be_visible()
    assert library.ada.client.patch(url, json={"visibility": "private"}).status_code == 200


@pytest.mark.breadth
def test_a_failure_shows_its_reason_and_the_request(page: Page, library: Library) -> None:
    """A collection that is not there, and a list that could not be loaded."""
    visit(page, library, f"/collections/{library.images[0]}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The collection could not be loaded")
    assert re.search(r"Request \S+", alert.inner_text())

    library.make("There", 0)
    page.route("**/api/v1/collections?*", lambda route: route.abort())
    visit(page, library, "/collections")
    expect(alert).to_contain_text("The server cannot be reached.")
    page.unroute("**/api/v1/collections?*")
    page.get_by_role("button", name="Try again").click()
    expect(card(page, "There")).to_be_visible()


@pytest.mark.breadth
@pytest.mark.parametrize("is_right_to_left", [False, True])
def test_axe_finds_nothing(visits: Visits, library: Library, *, is_right_to_left: bool) -> None:
    """In both themes, with dialogs; on a phone nothing is wider than the screen."""
    place = library.make(HOSTILE, 0, 1, description=20 * HOSTILE)
    library.make("Empty")
    page = visits.page(viewport=NARROW, is_right_to_left=is_right_to_left)
    logged_in(page, library.server, "ada", PASSWORD, "/collections")
    page.locator(".cover img").wait_for()
    check_axe(page)
    page.get_by_role("button", name="New collection").click()
    page.get_by_role("dialog").wait_for()
    check_axe(page)

    visit(page, library, f"/collections/{place}")
    page.locator(".tile.loaded").first.wait_for()
    check_axe(page)


def check_axe(page: Page) -> None:
    """Check what a page shows, in both themes."""
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
