"""The page of the trash: pictures are restored, looked at, and deleted for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import NARROW, OPEN_AND_LEAVE, Visits, axe_violations, url_of, violations
from tests.http.asking import picture
from tests.server import Server

COUNT = 4
ACTIONS = "/photos/api/v1/images/actions"


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts, below a path."""
    server = Server(tmp_path_factory.mktemp("trash") / "data", base_path="/photos").start()
    yield server
    server.close()


@pytest.fixture
def trashed(below: Server) -> list[str]:
    """The ids of the images in the trash, those first that were put there last."""
    ids = [below.upload(picture(seed, (600, 400)))["id"] for seed in range(COUNT)]
    for image_id in ids:
        put = below.client.post(f"{ACTIONS}/trash", json={"ids": [image_id]})
        assert put.status_code == 207, put.text
    return ids[::-1]


def opened(visits: Visits, server: Server, **options: object) -> Page:
    """The page with all its pictures."""
    page = visits.open(server, "/photos/trash", **options)
    page.locator(".tile.loaded").last.wait_for()
    return page


def places(server: Server, ids: list[str]) -> list[bool | None]:
    """Of each image whether it is in the trash; None if it is gone."""
    answers = [server.client.get(f"/photos/api/v1/images/{image_id}") for image_id in ids]
    return [
        answer.json()["trashed_at"] is not None if answer.status_code == 200 else None
        for answer in answers
    ]


@pytest.mark.breadth
def test_axe_finds_nothing(below: Server, trashed: list[str], visits: Visits) -> None:
    """With pictures that are selected, at the width of a phone, of which nothing is wider."""
    assert len(trashed) == COUNT
    page = opened(visits, below, viewport=NARROW)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe_violations(page) == []

    page.locator(".tile .check").first.click()

    expect(page.get_by_role("toolbar")).to_contain_text("1 picture selected")
    assert axe_violations(page) == []


@pytest.mark.breadth
def test_pictures_are_restored_and_put_back(
    below: Server, trashed: list[str], visits: Visits
) -> None:
    """By a key, those that are selected or the one with the focus; the newest come first."""
    page = opened(visits, below)
    expect(page.locator(".tile").first).to_contain_text("30 days")
    count = page.locator(".tile").count()
    page.locator(".tile[data-index='0'] .check").click()
    page.locator(".tile[data-index='1'] .check").click()

    page.keyboard.press("r")

    messages = page.locator("#messages")
    expect(messages).to_contain_text("2 pictures were restored.")
    expect(page.get_by_role("toolbar")).to_be_hidden()
    assert places(below, trashed) == [False, False, True, True]
    messages.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(count)
    assert places(below, trashed) == [True] * COUNT

    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile[data-index='0'] a")).to_be_focused()
    page.keyboard.press("r")
    expect(messages).to_contain_text("1 picture was restored.")
    expect(page.locator(".tile[data-index='0'] a")).to_be_focused()


def test_pictures_are_deleted_only_if_the_user_agrees(
    below: Server, trashed: list[str], visits: Visits
) -> None:
    """From the viewer, in which a picture can be restored, too; then all."""
    page = opened(visits, below)
    page.locator(".tile.loaded").first.wait_for()
    assert violations(page) == []
    page.evaluate(OPEN_AND_LEAVE, ".tile[data-index='0'] a")
    expect(page.locator(".pswp")).to_have_count(0)
    page.locator(".tile[data-index='0'] a").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#messages")).to_contain_text("1 picture was restored.")
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete for good")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert places(below, trashed) == [False, True, True, True]

    page.keyboard.press("Delete")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#messages")).to_contain_text("1 picture was deleted.")
    assert places(below, trashed) == [False, None, True, True]
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    expect(page).to_have_url(url_of(below, "/photos/trash"))

    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Empty the trash").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert places(below, trashed) == [False, None, None, None]
