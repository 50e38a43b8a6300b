"""The selection bar: tags, visibility, date, collection and ZIP of the selected pictures."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.accounts import PASSWORD, Account, admin_of, make_user
from tests.browser.contexts import Contexts
from tests.browser.pages import NARROW, Visits, axe_violations, logged_in, violations
from tests.http.asking import picture
from tests.server import Server

COUNT = 4


@dataclass(frozen=True, slots=True)
class Library:
    """A user with some images, the newest first, and a collection."""

    server: Server
    owner: Account
    images: list[str]
    collection: str

    def image(self, index: int) -> dict[str, Any]:
        """An image as it is now."""
        shown: dict[str, Any] = self.owner.client.get(f"/api/v1/images/{self.images[index]}").json()
        return shown


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A server with accounts, for the tests of this module."""
    server = Server(
        tmp_path_factory.mktemp("selection") / "data", auth="required", rate_limits="off"
    ).start()
    ada = make_user(server, admin_of(server), "ada", password=PASSWORD)
    images = []
    for number in range(COUNT):
        files = {"file": (f"{number}.jpg", picture(number, (300, 200)))}
        image = ada.client.post("/api/v1/images", files=files).json()
        date = {"taken_at": f"2026-05-0{number + 1}T12:00:00"}
        assert ada.client.patch(f"/api/v1/images/{image['id']}", json=date).status_code == 200
        images.append(image["id"])
    collection = ada.client.post("/api/v1/collections", json={"title": "Summer <b>"}).json()
    yield Library(server, ada, images[::-1], collection["id"])
    server.close()


@pytest.fixture(scope="module")
def shared_page(contexts: Contexts, library: Library) -> Iterator[Page]:
    """The timeline of the user, who has logged in."""
    visits = Visits(contexts)
    yield opened(visits.page(), library)
    visits.close()
    assert [error for error in visits.errors if "400" not in error] == []


@pytest.fixture
def page(shared_page: Page) -> Page:
    """That page, with nothing selected."""
    shared_page.keyboard.press("Escape")
    expect(shared_page.get_by_role("toolbar")).to_be_hidden()
    return shared_page


def opened(page: Page, library: Library) -> Page:
    """The timeline of the user, with its pictures."""
    logged_in(page, library.server, "ada", PASSWORD)
    tile(page, 0).wait_for()
    return page


def tile(page: Page, index: int) -> Locator:
    """The tile of a picture, by its place in the timeline."""
    return page.locator(f".tile[data-index='{index}']")


def select(page: Page, *indexes: int) -> None:
    """Select pictures by their check marks, and wait for the bar."""
    for index in indexes:
        tile(page, index).locator(".check").click()
    page.get_by_role("toolbar").wait_for()


def assert_done(page: Page, *texts: str) -> None:
    """An action ended the selection, and the page says what it did."""
    expect(page.get_by_role("toolbar")).to_be_hidden()
    for text in texts:
        expect(page.locator("#messages")).to_contain_text(text)


def assert_kept(page: Page, count: int, text: str) -> None:
    """An action left the selection, and the page says what it did."""
    expect(page.locator("#messages")).to_contain_text(text)
    expect(page.get_by_role("toolbar")).to_contain_text(f"{count} pictures selected")


@contextlib.contextmanager
def edited(page: Page) -> Iterator[None]:
    """Wait until the server has changed pictures; the last notice may have the same text."""
    with page.expect_response("**/actions/update") as answer:
        yield
    assert answer.value.ok


def test_tags_are_added_and_removed(page: Page, library: Library) -> None:
    """By the key t; a tag becomes a chip, and Enter in an empty field sends the form."""
    select(page, 0, 2)
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Edit tags")
    dialog.get_by_label("Add tags").fill("sea")
    page.keyboard.press("Enter")
    expect(dialog.locator(".chips bdi")).to_have_text("sea")
    assert violations(page) == []
    dialog.get_by_label("Add tags").fill("<img src=x>, sea,")
    page.keyboard.press("Enter")
    with edited(page):
        page.keyboard.press("Enter")

    assert_kept(page, 2, "2 pictures were changed.")
    tags = [set(library.image(index)["tags"]) for index in range(3)]
    assert tags == [{"<img src=x>", "sea"}, set(), {"<img src=x>", "sea"}]

    select(page, 1)
    page.get_by_role("button", name="Edit tags").click()
    remove = dialog.get_by_label("Remove tags")
    suggested = dialog.locator("#remove-tags-known option[value='<img src=x>']")
    expect(suggested).to_have_count(1)
    remove.fill("<img src=x>,sea")
    with edited(page):
        dialog.get_by_role("button", name="Apply").click()

    assert_kept(page, 3, "2 pictures were changed.")
    assert library.image(0)["tags"] == library.image(2)["tags"] == []


def test_an_error_is_shown_in_the_dialog(page: Page, library: Library) -> None:
    """With the id of the request; nothing is changed, and what was entered stays."""
    select(page, 0)
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Edit tags")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_role("alert")).to_have_text("Enter at least one tag.")
    dialog.get_by_label("Add tags").fill(1000 * "a")
    dialog.get_by_role("button", name="Apply").click()

    expect(dialog.get_by_role("alert")).to_contain_text("Request ")
    expect(dialog.locator(".chips li")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("toolbar")).to_contain_text("1 picture selected")
    assert library.image(0)["tags"] == []


@pytest.mark.breadth
def test_visibility_and_date_of_all_are_changed_by_the_query(page: Page, library: Library) -> None:
    """No request names an id; the grid shows the new order and months."""
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").wait_for()
    page.keyboard.press("v")
    dialog = page.get_by_role("dialog", name="Change the visibility")
    expect(dialog.get_by_label("Private")).to_be_checked()  # as all of them are
    dialog.get_by_label("Public").check()
    with page.expect_request("**/actions/update") as sent:
        dialog.get_by_role("button", name="Apply").click()

    body = sent.value.post_data_json
    assert body == {"q": "", "filter": {"owner": library.owner.id}, "visibility": "public"}
    assert_kept(page, COUNT, f"{COUNT} pictures were changed.")
    page.keyboard.press("Escape")
    assert {library.image(index)["visibility"] for index in range(COUNT)} == {"public"}

    select(page, 1)
    page.get_by_role("button", name="Change the date").click()
    dialog = page.get_by_role("dialog", name="Change the date")
    expect(dialog.get_by_label("Date and time")).to_have_value("2026-05-03T12:00")
    dialog.get_by_label("Date and time").fill("2026-05-09T08:30:00")
    dialog.get_by_role("button", name="Apply").click()
    address = f"/view/{library.images[1]}"
    expect(tile(page, 0).locator("a")).to_have_attribute("href", address)
    assert library.image(1)["exif"]["taken_at"].startswith("2026-05-09T08:30:00")

    select(page, 0)
    page.get_by_role("button", name="Change the date").click()
    dialog.get_by_label("Date and time").fill("2024-01-02T08:30:00")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator(".month h2").last).to_contain_text("January 2024")
    dated = {"taken_at": "2026-05-03T12:00:00"}
    changed = library.owner.client.patch(f"/api/v1/images/{library.images[1]}", json=dated)
    assert changed.status_code == 200
    page.reload()
    expect(tile(page, 1).locator("a")).to_have_attribute("href", address)


@pytest.mark.breadth
def test_the_rule_of_one_collection_is_shown_before_it_is_broken(
    page: Page, library: Library
) -> None:
    """What is in another collection stays there, unless it is to be moved."""
    select(page, 0, 1)
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Put into a collection")
    expect(dialog).to_contain_text("A picture is in one collection at most.")
    expect(dialog.get_by_role("checkbox")).to_have_count(0)
    dialog.get_by_label("Name of the collection").fill("summer")
    expect(dialog.get_by_label("Summer <b>")).to_be_checked()
    page.keyboard.press("Enter")
    assert_done(page, "2 pictures are in “Summer <b>” now.")
    link = page.locator("#messages").get_by_role("link", name="Open")
    expect(link).to_have_attribute("href", f"/collections/{library.collection}")
    assert library.image(1)["collection_id"] == library.collection

    select(page, 1, 2)
    page.keyboard.press("c")
    expect(dialog).to_contain_text("1 of the pictures is in a collection already")
    dialog.get_by_label("Name of the collection").fill("Winter")
    dialog.get_by_label("Winter").check()
    page.keyboard.press("Enter")
    assert_done(page, "1 picture is in “Winter” now.", "1 could not be changed:")
    winter = library.image(2)["collection_id"]
    assert winter not in {None, library.collection}
    assert library.image(1)["collection_id"] == library.collection

    select(page, 0, 1)
    page.keyboard.press("c")
    dialog.get_by_label("Winter").check()
    dialog.get_by_label("Move them").check()
    dialog.get_by_role("button", name="Put in").click()
    assert_done(page, "2 pictures are in “Winter” now.")
    assert {library.image(index)["collection_id"] for index in range(3)} == {winter}


def test_selected_pictures_are_downloaded_as_zip(
    page: Page, library: Library, tmp_path: Path
) -> None:
    """All of them, as they were uploaded."""
    select(page, 0, 3)
    page.get_by_role("button", name="Download as ZIP").click()
    dialog = page.get_by_role("dialog", name="Download as ZIP")
    with page.expect_download() as started:
        dialog.get_by_role("button", name="Download").click()
    started.value.save_as(tmp_path / "pictures.zip")

    with ZipFile(io.BytesIO((tmp_path / "pictures.zip").read_bytes())) as archive:
        names = {library.image(index)["filename"] for index in (0, 3)}
        assert set(archive.namelist()) == names
        assert archive.testzip() is None
    assert_done(page)


def test_del_puts_them_into_the_trash_and_the_focus_returns(page: Page, library: Library) -> None:
    """After a dialog was closed, its button has the focus; after an action, a picture."""
    select(page, 0)
    button = page.get_by_role("button", name="Edit tags")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()

    page.keyboard.press("Delete")
    assert_done(page, "1 picture is in the trash.")
    expect(page.locator(".tile a:focus")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(tile(page, COUNT - 1)).to_be_visible()
    assert library.image(0)["trashed_at"] is None


def test_the_help_lists_the_keys_of_the_actions(page: Page) -> None:
    """The list is made of the actions that the bar has."""
    page.keyboard.press("?")

    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for key, text in (("T", "Edit tags"), ("C", "Put into"), ("V", "Change the vis"), ("Del", "")):
        row = dialog.locator("dt", has=page.get_by_text(key, exact=True)).first
        expect(row.locator("+ dd")).to_contain_text(text)
    page.set_viewport_size({"width": 800, "height": 400})
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("?")
    expect(dialog.get_by_role("heading", name="Keyboard shortcuts")).to_be_in_viewport()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("Escape")


@pytest.mark.breadth
def test_axe_finds_nothing_in_the_dialogs(library: Library, visits: Visits) -> None:
    """In both themes; on a phone nothing is wider than the screen."""
    page = visits.page(viewport=NARROW)
    opened(page, library)
    select(page, 0, 1)
    names = ("Edit tags", "Change the vis", "Change the date", "Put into", "Download as ZIP")
    for name in names:
        page.get_by_role("button", name=name).click()
        page.get_by_role("dialog").wait_for()
        assert axe_violations(page) == [], name
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    tags = page.get_by_role("button", name="Edit tags")
    expect(tags.get_by_text("Tags", exact=True)).to_be_visible()
    place = tags.bounding_box()
    assert place is not None
    assert place["y"] > NARROW["height"] - 130  # below the pictures, not over their headings
