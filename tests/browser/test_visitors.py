"""Visitors with a link: a share with and without a password, and uploads of a guest."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.accounts import client_of
from tests.browser.dropping import drag, drop, fresh
from tests.browser.pages import (
    DIRECTIONS,
    NARROW,
    OPEN_AND_LEAVE,
    Visits,
    axe_violations,
    url_of,
    violations,
)
from tests.http.asking import TEXT, in_time, picture
from tests.server import Server
from tests.visitors import SHARES, link, share
from tests.waiting import until

HOSTILE = "<img src=x onerror=alert(1)>"


def new_collection(gallery: Server) -> str:
    """The id of a collection without pictures."""
    body = {"title": HOSTILE, "visibility": "private"}
    made: str = gallery.client.post("/api/v1/collections", json=body).json()["id"]
    return made


@pytest.fixture(scope="module")
def collection_id(gallery: Server) -> str:
    """A collection with three pictures."""
    made = new_collection(gallery)
    for seed in range(3):
        image = gallery.upload(picture(seed, (600, 400)), collection_id=made)
        gallery.finished(image["job"]["id"])
    return made


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing(
    gallery: Server, collection_id: str, visits: Visits, direction: str
) -> None:
    """On all three pages, at the width of a phone, of which nothing is wider."""
    locked = share(gallery.client, collection_id=collection_id, password="sesame")
    opened = share(gallery.client, collection_id=collection_id, allow_download=True)
    guest = link(gallery.client, collection_id=collection_id)
    visits.expect_error("403")
    page = visits.page(is_right_to_left=direction == "rtl", viewport=NARROW)
    for made, ready in ((locked, "#unlock"), (opened, "#images img"), (guest, "#guest")):
        page.goto(url_of(gallery, made["url"]))
        page.locator(ready).first.wait_for()
        assert axe_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.breadth
def test_a_visitor_sends_the_password_and_sees_the_pictures(
    gallery: Server, collection_id: str, visits: Visits
) -> None:
    """Once; a reload shows them without it. A title is text."""
    made = share(gallery.client, collection_id=collection_id, password="sesame")
    visits.expect_error("403")
    page = visits.open(gallery, made["url"])

    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert").filter(has_text="The password is wrong.")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Password").fill("sesame")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page.locator("#images img")).to_have_count(3)
    until(lambda: page.evaluate("[...document.images].every((it) => it.naturalWidth > 0)"))
    page.reload()
    expect(page.locator("#images img")).to_have_count(3)
    expect(page.locator("#images .download")).to_have_count(0)
    assert gallery.client.get(f"/api/v1/shares/{made['id']}").json()["views"] == 1
    target = page.locator("#images a").first.get_attribute("href")
    large = page.request.get(url_of(gallery, target or ""))
    assert (large.status, large.headers["content-type"]) == (200, "image/jpeg")


DOUBLE_CLICK = """async (link) => {
    const began = performance.now();
    document.querySelector(link).click();
    const at = { bubbles: true, pointerType: "mouse", pointerId: 1, clientX: 20, clientY: 400 };
    while (performance.now() - began < 300) {
        const viewer = document.querySelector(".pswp__item[aria-hidden='false']");
        viewer?.dispatchEvent(new PointerEvent("pointerdown", { ...at, buttons: 1 }));
        viewer?.dispatchEvent(new PointerEvent("pointerup", at));
        await new Promise(requestAnimationFrame);
    }
}"""
"""Open a picture, and click beside it at once, as soon as the viewer notices it."""


def test_a_visitor_looks_at_pictures_and_downloads_them(
    gallery: Server, collection_id: str, visits: Visits
) -> None:
    """One by one, as a slideshow, and all as a ZIP file; going back closes the viewer."""
    made = share(
        gallery.client, collection_id=collection_id, allow_download=True, show_metadata=True
    )
    page = visits.open(gallery, made["url"])
    page.locator("#images img").first.wait_for()
    assert violations(page) == []
    page.locator("#images img").first.click()
    counter, caption = page.locator(".pswp__counter"), page.locator(".pswp__caption")
    expect(counter).to_have_text("1 / 3")
    expect(caption).to_contain_text("2026")
    page.keyboard.press("ArrowRight")
    expect(counter).to_have_text("2 / 3")
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert Path(download.value.path()).read_bytes() == picture(1, (600, 400))
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    expect(page.locator("#images li:nth-child(2) a").first).to_be_focused()
    expect(page).to_have_url(url_of(gallery, made["url"]))
    page.evaluate(OPEN_AND_LEAVE, "#images a")
    expect(page.locator(".pswp")).to_have_count(0)
    page.evaluate(DOUBLE_CLICK, "#images a")
    expect(counter).to_have_text("1 / 3")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)

    page.get_by_role("button", name="Slideshow").click()
    running = page.locator(".pswp").get_by_role("button", name="Slideshow")
    expect(running).to_have_attribute("aria-pressed", "true")
    expect(counter).to_have_text("2 / 3")  # by itself
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    with ZipFile(download.value.path()) as archive:
        contents = [archive.read(name) for name in archive.namelist()]
    assert contents == [picture(seed, (600, 400)) for seed in (2, 1, 0)]


@pytest.mark.breadth
def test_more_pictures_come_as_the_end_comes_near(gallery: Server, visits: Visits) -> None:
    """Page by page, without a click, in a window that is higher than all of them."""
    body = {"title": "Many", "visibility": "private"}
    many = gallery.client.post("/api/v1/collections", json=body).json()["id"]
    entries = [("file", ("a.jpg", picture(1, (8, 8)))) for _ in range(55)]
    for _ in range(2):
        sent = gallery.client.post("/api/v1/images", files=entries, data={"collection_id": many})
        assert sent.status_code == 207, sent.text
    made = share(gallery.client, collection_id=many)

    page = visits.open(gallery, made["url"], viewport={"width": 1280, "height": 9000})

    expect(page.locator("#images li")).to_have_count(110)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()

    page.set_viewport_size({"width": 600, "height": 300})
    page.wait_for_function("() => document.querySelectorAll('#images li').length < 60")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("#images li[aria-posinset='110']")
    expect(last).to_be_in_viewport()
    assert page.locator("#images li").count() < 60
    last.get_by_role("link").first.click()
    expect(page.locator(".pswp__counter")).to_have_text("110 / 110")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    expect(last.get_by_role("link").first).to_be_focused()
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("#images li[aria-posinset='1']")).to_be_in_viewport()
    page.keyboard.press("Enter")  # the focus stays at the last one
    expect(page.locator(".pswp__counter")).to_have_text("110 / 110")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    expect(last).to_be_in_viewport()


@pytest.mark.breadth
def test_a_link_that_has_ended_says_so(gallery: Server, collection_id: str, visits: Visits) -> None:
    """Whether it was used up, has expired, or was withdrawn."""
    used = share(gallery.client, collection_id=collection_id, max_views=1)
    body = {"collection_id": collection_id}
    _end, answer = in_time(
        lambda soon: gallery.client.post(SHARES, json=body | {"expires_at": soon.isoformat()})
    )
    ended = answer.json()["url"]
    page = visits.open(gallery, used["url"])
    page.locator("#images img").first.wait_for()
    until(lambda: gallery.client.get(f"/api/v1/shared{ended[2:]}").status_code == 410)
    visits.expect_error("410")
    page.context.clear_cookies()  # another visitor
    page.goto(url_of(gallery, used["url"]))
    expect(page.get_by_text("This link is used up")).to_be_visible()
    page.goto(url_of(gallery, ended))
    expect(page.get_by_text("This link has expired.")).to_be_visible()
    made = share(gallery.client, collection_id=collection_id)
    gallery.client.delete(f"/api/v1/shares/{made['id']}")
    visits.expect_error("404")

    for url in (made["url"], f"/g/{made['token']}"):
        page.goto(url_of(gallery, url))
        expect(page.get_by_text("There is no such link.")).to_be_visible()


@pytest.mark.breadth
def test_pictures_of_guests_are_accepted_by_their_owner(gallery: Server, visits: Visits) -> None:
    """They are marked; in the viewer one is accepted, and in the selection bar all others."""
    accepted = {"q": "is:waiting", "awaits_review": False}  # those of other tests
    assert gallery.client.post("/api/v1/images/actions/update", json=accepted).status_code == 200
    guest = link(gallery.client, collection_id=new_collection(gallery))
    files = [("file", (f"{seed}.jpg", picture(seed, (600, 400)))) for seed in range(80, 83)]
    sent = client_of(gallery).post(f"/api/v1/guest/{guest['token']}/images", files=files)
    assert sent.status_code == 207
    page = visits.open(gallery, "/shares")
    page.get_by_role("link", name="Pictures to accept").click()
    expect(page.get_by_text("From a guest", exact=True)).to_have_count(3)

    page.locator(".tile a").first.click()
    page.get_by_role("button", name="Information").click()
    expect(page.locator(".info")).to_contain_text("No link shows it before you accept it.")
    page.get_by_role("button", name="Accept the picture of a guest").click()
    expect(page.get_by_role("button", name="Accept the picture of a guest")).to_be_hidden()
    expect(page.locator(".info")).not_to_contain_text("From a guest")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Accept pictures of guests").click()

    expect(page.get_by_role("status").filter(has_text="2 pictures were accepted.")).to_be_visible()
    found = gallery.client.get("/api/v1/images", params={"q": "is:waiting"}).json()
    assert found["data"] == []
    expect(page.locator(".tile")).to_have_count(0)


def test_a_guest_uploads_pictures(gallery: Server, visits: Visits, tmp_path: Path) -> None:
    """They are dropped or chosen, until the link is used up; a name of a file is text."""
    made = link(
        gallery.client, collection_id=new_collection(gallery), title="Your pictures", max_files=2
    )
    good, bad = tmp_path / f"{HOSTILE}.jpg", tmp_path / "diary.txt"
    good.write_bytes(picture(7))
    bad.write_bytes(TEXT)
    visits.expect_error("410|429")
    page = visits.page(locale="de-DE")
    busy = {"code": "rate_limited", "detail": ""}
    page.route(
        f"**/api/v1/guest/{made['token']}", lambda it: it.fulfill(status=429, json=busy), times=1
    )
    page.goto(url_of(gallery, made["url"]))
    alert, files = page.get_by_role("alert"), page.get_by_label("Bilder wählen")
    expect(alert).to_have_text("Das waren zu viele Anfragen. Bitte später noch einmal versuchen.")

    files.set_input_files(bad)  # a busy server ends no link

    expect(alert).to_be_hidden()
    expect(page.get_by_role("heading", name="Your pictures")).to_be_visible()
    expect(page.get_by_text("2 weitere Bilder können hochgeladen werden.")).to_be_visible()
    assert violations(page) == []

    files.set_input_files(good)

    expect(page.locator("#results .done bdi")).to_have_text(f"{HOSTILE}.jpg")
    expect(page.get_by_text("1 von 2 fertig")).to_contain_text("1 wurde abgelehnt")
    reason = "Das ist kein Bild in einem Format, das der Server annimmt."
    expect(page.locator("#results li.failed")).to_contain_text(reason)
    expect(page.get_by_role("button", name="Alle noch einmal versuchen")).to_have_count(0)
    expect(page.get_by_text("1 weiteres Bild kann hochgeladen werden.")).to_be_visible()
    drag(page, fresh("a.jpg"), types=("dragenter", "dragover"))
    expect(page.locator("body")).to_have_class(re.compile("dropping"))
    drop(page, fresh("b.jpg"))
    expect(page.locator("#results .done")).to_have_count(2)
    expect(alert).to_contain_text("Er ist aufgebraucht.")
    expect(files).to_be_hidden()
    page.locator("#files").set_input_files(good)  # as a drop on the page would
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.locator("#results li")).to_have_count(3)
