"""Parts of pages that cannot be loaded when they are needed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Visits, url_of
from tests.http.asking import picture
from tests.server import Server


def expect_message(page: Page) -> None:
    """Wait for the message with its action, and remove it."""
    message = page.locator(".message")
    expect(message).to_contain_text("A part of the page could not be loaded.")
    expect(message.get_by_role("button", name="Reload the page")).to_be_visible()
    message.evaluate("(it) => it.remove()")


@pytest.mark.breadth
def test_a_part_that_cannot_be_loaded_is_a_message(gallery: Server, visits: Visits) -> None:
    """For keys, selection, uploads and viewer, each time; a reload makes them work."""
    visits.expect_error("ERR_INTERNET_DISCONNECTED")
    gallery.finished(gallery.upload(picture(0, (600, 400)))["job"]["id"])
    page = visits.open(gallery, is_shared=False, reduced_motion="no-preference")
    tile = page.locator(".tile.loaded")
    tile.wait_for()
    page.context.set_offline(True)

    for key in ("?", "u", "u"):
        page.keyboard.press(key)
        expect_message(page)
    for _ in range(2):
        tile.locator(".check").click()
        expect_message(page)
    tile.locator("a").click()
    expect_message(page)
    expect(page).to_have_url(url_of(gallery, "/"))

    page.keyboard.press("?")
    reload = page.get_by_role("button", name="Reload the page")
    expect(reload).to_be_visible()  # while the network is cut
    page.context.set_offline(False)
    with page.expect_navigation():
        reload.click()
    tile.locator("a").click()
    expect(page).to_have_url(re.compile("/view/"))
    expect(page.locator(".pswp")).to_have_count(1)


@pytest.mark.breadth
def test_a_timeline_without_its_notices_is_a_message(gallery: Server, visits: Visits) -> None:
    """The reason of a failure cannot be shown then."""
    visits.expect_error("ERR_FAILED")
    page = visits.page(is_shared=False)
    page.route(re.compile("/timeline/notices.js|/api/v1/timeline"), lambda route: route.abort())

    page.goto(url_of(gallery, "/"))

    expect_message(page)
