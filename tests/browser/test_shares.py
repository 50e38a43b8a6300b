"""Links: made from pictures and selections, shown once, listed, changed and withdrawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import picture
from tests.server import Server
from tests.visitors import Visitor

HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "x" * 300
API = "/photos/api/v1"


class Below(Visitor):
    """A visitor of a server below a path."""

    def api(self, end: str = "") -> Any:
        """What the API says about the share."""
        return self.client.get(f"{API}/shared/{self.token}{end}")


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts, below a path."""
    server = Server(tmp_path_factory.mktemp("shares") / "data", base_path="/photos").start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def images(below: Server) -> list[str]:
    """The ids of images, the newest first."""
    return [below.upload(picture(seed, (600, 400)))["id"] for seed in range(4)][::-1]


def made(server: Server, path: str, **fields: Any) -> dict[str, Any]:
    """Make a link by the API."""
    answer = server.client.post(f"{API}/{path}", json=fields)
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.json()
    return link


def shown_link(page: Page, server: Server) -> str:
    """The link that a dialog shows; closes it."""
    dialog = page.get_by_role("dialog", name="The link is ready")
    link = dialog.get_by_label("Link", exact=True).input_value()
    expect(dialog.get_by_role("img", name="QR code of the link")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    assert link.startswith(f"http://127.0.0.1:{server.port}/photos/")
    return link


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing(
    below: Server, images: list[str], visits: Visits, direction: str
) -> None:
    """On the page and in its dialogs, at the width of a phone; a hostile title is text."""
    made(below, "shares", q=f"x OR {'y' * 300}", title=HOSTILE, password="x", max_views=3)
    made(below, "shares", image_id=images[0], allow_download=True, show_metadata=True)
    page = visits.open(
        below, "/photos/shares", is_right_to_left=direction == "rtl", viewport=NARROW
    )
    page.get_by_text("<img src=x onerror=alert(1)>").first.wait_for()
    page.get_by_text("There are no links with which guests").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe_violations(page) == []

    page.get_by_role("button", name="Edit").first.click()
    dialog = page.get_by_role("dialog", name="Edit")
    expect(dialog.get_by_role("button", name="Save")).to_be_enabled()
    assert axe_violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.goto(url_of(below, f"/photos/view/{images[0]}"))
    page.get_by_role("button", name="Share").click()
    page.get_by_role("dialog").get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("dialog", name="The link is ready")).to_be_visible()
    assert axe_violations(page) == []


def test_selected_pictures_are_shared_until_it_is_withdrawn(
    below: Server, images: list[str], visits: Visits
) -> None:
    """The link shows these pictures, and the page shows it no more; a new password is asked for."""
    page = visits.open(below, "/photos/")
    page.locator(".tile[data-index='0'] .check").click()
    page.locator(".tile[data-index='2'] .check").click()
    page.get_by_role("toolbar").get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share")
    dialog.get_by_label("Tag").fill('two" OR -tags:"x, y')
    dialog.get_by_label("Title for visitors").fill("Two of four")
    dialog.get_by_label("Valid").select_option(label="For 7 days")
    dialog.get_by_role("button", name="Make the link").click()
    link = shown_link(page, below)
    visitor = Below(below, link.rpartition("/")[2])
    assert visitor.api("/images").json()["ids"] == [images[0], images[2]]

    page.get_by_role("link", name="Links").click()
    row = page.get_by_role("listitem").filter(has_text="Two of four")
    expect(row).to_contain_text("0 views")
    expect(row).to_contain_text("Until ")
    assert visitor.token not in page.content()
    row.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit")
    expect(dialog.get_by_role("button", name="Save")).to_be_enabled()
    assert violations(page) == []
    dialog.get_by_label("Password", exact=True).fill("sesame")
    dialog.get_by_label("Downloads").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Password")
    expect(row).to_contain_text("Until ")
    assert visitor.api("/images").json()["code"] == "password_required"
    row.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Remove the password").check()
    dialog.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("Password")
    assert violations(page) == []
    assert visitor.api().json()["allow_download"] is True

    row.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.locator("#messages")).to_contain_text("The link was withdrawn.")
    expect(row).to_have_count(0)
    assert visitor.api().status_code == 404


@pytest.mark.breadth
def test_a_search_is_shared_with_what_it_finds_later(
    below: Server, images: list[str], visits: Visits
) -> None:
    """All that it finds is selected, and shared as a search; a list that fails can be retried."""
    tagged = {"ids": images[2:], "add_tags": ["heron"]}
    assert below.client.post(f"{API}/images/actions/update", json=tagged).status_code == 200
    page = visits.open(below, "/photos/?q=tags:heron")
    page.locator(".tile").nth(1).wait_for()
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share")
    expect(dialog).to_contain_text("what the search “tags:heron” finds")
    dialog.get_by_role("button", name="Make the link").click()
    visitor = Below(below, shown_link(page, below).rpartition("/")[2])
    assert visitor.api("/images").json()["ids"] == images[2:]
    later = {"ids": images[:1], "add_tags": ["heron"]}
    assert below.client.post(f"{API}/images/actions/update", json=later).status_code == 200
    assert visitor.api("/images").json()["ids"] == [images[0], *images[2:]]

    visits.expect_error("503")
    problem = {"status": 503, "code": "busy", "detail": "The service is busy."}
    page.route("**/api/v1/shares", lambda route: route.fulfill(
        status=503, headers={"x-request-id": "0190"}, json=problem
    ))  # fmt: skip
    page.goto(url_of(below, "/photos/shares"))
    failure = page.get_by_role("alert").filter(has_text="The service is busy.")
    expect(failure).to_contain_text("Request 0190")
    page.unroute("**/api/v1/shares")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Search: tags:heron")).to_be_visible()


@pytest.mark.breadth
def test_a_picture_is_shared_from_its_viewer(
    below: Server, images: list[str], visits: Visits
) -> None:
    """What the API refuses is said in the dialog; the link is copied; the viewer stays open."""
    visits.expect_error("400")
    page = visits.open(below, f"/photos/view/{images[1]}")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share")
    dialog.get_by_label("Number of views").fill("0")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("alert")).to_contain_text("max_views")
    expect(dialog.get_by_role("alert")).to_contain_text("Request ")
    dialog.get_by_label("Number of views").fill("5")
    dialog.get_by_role("button", name="Make the link").click()

    expect(page.get_by_text("Only this computer can open this link.")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == shown_link(page, below)
    expect(page.locator(".pswp")).to_be_visible()
    visitor = Below(below, copied.rpartition("/")[2])
    assert visitor.api().json()["target"] == "image"
    assert visitor.api("/images").json()["ids"] == [images[1]]


@pytest.mark.breadth
def test_a_guest_uploads_by_a_new_link_and_the_collection_is_shared(
    below: Server, images: list[str], visits: Visits
) -> None:
    """Into a new collection with its title; the key `n` makes it, and the list has it then."""
    assert images
    page = visits.open(below, "/photos/shares")
    expect(page.get_by_role("button", name="New link for uploads")).to_be_enabled()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New link for uploads")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("alert")).to_have_text("Fill in all fields.")
    dialog.get_by_label("Title").fill("The party")
    dialog.get_by_label("Number of pictures").fill("2")
    dialog.get_by_role("button", name="Make the link").click()
    token = shown_link(page, below).rpartition("/")[2]
    expect(page.get_by_role("listitem").filter(has_text="The party")).to_contain_text("0 of 2")

    sent = below.client.post(
        f"{API}/guest/{token}/images", files=[("file", ("a.jpg", picture(20)))]
    )

    assert [entry["status"] for entry in sent.json()["data"]] == [201]
    collections = below.client.get(f"{API}/collections").json()["data"]
    assert [(it["title"], it["visibility"]) for it in collections] == [("The party", "private")]
    page.reload()
    row = page.get_by_role("listitem").filter(has_text="The party")
    expect(row).to_contain_text("1 of 2")
    (added,) = below.client.get(f"{API}/images?collection={collections[0]['id']}").json()["data"]
    expect(row.locator("img")).to_have_attribute("src", re.compile(added["id"]))

    row.get_by_role("link", name="The party").click()
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share")
    expect(dialog.get_by_label("Title for visitors")).to_have_value("The party")
    dialog.get_by_role("button", name="Make the link").click()
    visitor = Below(below, shown_link(page, below).rpartition("/")[2])
    assert visitor.api().json()["target"] == "collection"
    assert visitor.api("/images").json()["ids"] == []
    accepted = {"q": "is:waiting", "awaits_review": False}
    assert below.client.post(f"{API}/images/actions/update", json=accepted).json()["changed"] == 1
    assert len(visitor.api("/images").json()["ids"]) == 1
