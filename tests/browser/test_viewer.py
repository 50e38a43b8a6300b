"""The viewer: opened by click, key and address; information, copies, favourites, trash."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import until

COUNT = 5
LARGE, SMALL = (3000, 2000), (1440, 960)
SIZES = (SMALL, SMALL, LARGE, SMALL, LARGE)
"""Of the images, the oldest first; all are larger than windows."""


@pytest.fixture(scope="module")
def images(gallery: Server) -> list[str]:
    """The ids of the images of a gallery, the newest first."""
    made = []
    for number, size in enumerate(SIZES):
        kind = "TIFF" if number == 1 else "JPEG"
        image = gallery.upload(picture(number, size, kind), f"{number}.{kind.lower()}")
        gallery.finished(image["job"]["id"])
        edited = gallery.client.patch(
            f"/api/v1/images/{image['id']}", json={"taken_at": f"2026-05-0{number + 1}T12:00:00"}
        )
        assert edited.status_code == 200, edited.text
        made.append(image["id"])
    return made[::-1]


@pytest.fixture
def page(gallery: Server, images: list[str], visits: Visits) -> Page:
    """The timeline of the gallery."""
    assert len(images) == COUNT
    page = visits.open(gallery)
    page.locator(".tile.loaded").first.wait_for()
    return page


def shown(page: Page) -> Locator:
    """The picture in the viewer."""
    return page.locator(".pswp__item[aria-hidden='false'] img.pswp__img").last


def open_first(page: Page) -> None:
    """Open the newest picture by a click."""
    page.locator(".tile[data-index='0'] a").click()
    loaded(page)


def loaded(page: Page) -> None:
    """Wait for the picture in the viewer."""
    page.wait_for_function(
        "() => [...document.querySelectorAll(\".pswp__item[aria-hidden='false'] img\")]"
        ".some((it) => it.complete && it.naturalWidth > 600)"
    )


def is_change(request: Request) -> bool:
    """Whether a request changes metadata."""
    return request.method == "PATCH"


def test_a_click_opens_a_picture_and_the_focus_returns(
    page: Page, gallery: Server, images: list[str]
) -> None:
    """The address is that of the picture; the arrows lead on, and Esc back to the tile."""
    open_first(page)
    expect(page).to_have_url(url_of(gallery, f"/view/{images[0]}"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(url_of(gallery, f"/view/{images[2]}"))

    page.keyboard.press("Escape")

    expect(page).to_have_url(url_of(gallery, "/"))
    expect(page.locator(".tile[data-index='2'] a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(url_of(gallery, f"/view/{images[2]}"))
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    page.go_forward()
    expect(page).to_have_url(url_of(gallery, f"/view/{images[2]}"))
    expect(page.locator(".pswp")).to_have_count(1)


@pytest.mark.breadth
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_going_back_while_a_picture_opens_leaves_no_viewer(
    visits: Visits, gallery: Server, images: list[str], motion: Literal["reduce", "no-preference"]
) -> None:
    """By Esc, too; before its scripts have been loaded, and afterwards."""
    assert len(images) == COUNT
    page = visits.open(gallery, reduced_motion=motion)
    page.locator(".tile.loaded").first.wait_for()
    for is_key in (True, False, True, False):
        page.evaluate(OPEN_AND_GO_BACK, is_key)
        assert_closed(page, gallery)

    open_first(page)
    expect(page).to_have_url(url_of(gallery, f"/view/{images[0]}"))


OPEN_AND_GO_BACK = """async (isKey) => {
    document.querySelector(".tile[data-index='0'] a").click();
    const key = new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
    if (isKey) document.body.dispatchEvent(key);
    else history.back();
    while (location.pathname !== "/" && !document.querySelector(".pswp")) {
        await new Promise(requestAnimationFrame);
    }
    for (let frame = 0; frame < 30; frame += 1) await new Promise(requestAnimationFrame);
}"""


@pytest.mark.breadth
def test_nothing_is_lost_while_a_picture_is_animated(
    visits: Visits, gallery: Server, images: list[str]
) -> None:
    """Keys and clicks before the end are done at the end; a double click opens it once."""
    page = visits.open(gallery, reduced_motion="no-preference", viewport=LOW)
    page.locator(".tile.loaded").first.wait_for()

    page.evaluate(DOUBLE_CLICK_AND, [["ArrowRight", "i"], ""])
    expect(page).to_have_url(url_of(gallery, f"/view/{images[1]}"))
    expect(page.get_by_role("complementary")).to_contain_text("3.jpeg")
    page.keyboard.press("Escape")
    assert_closed(page, gallery)
    page.evaluate(DOUBLE_CLICK_AND, [[], "info"])
    page.locator(".pswp__item[aria-hidden='true'] img").wait_for(state="attached")  # at the end
    assert page.evaluate(f"({RIGHT_OF_PICTURE}) <= document.querySelector('.info').offsetLeft")
    page.keyboard.press("Escape")
    assert_closed(page, gallery)
    for keys, button in ((["Escape"], ""), ([], "close")):
        page.evaluate(DOUBLE_CLICK_AND, [keys, button])
        assert_closed(page, gallery)


def assert_closed(page: Page, gallery: Server) -> None:
    """The viewer is closed, and the page is the timeline."""
    expect(page).to_have_url(url_of(gallery, "/"))
    expect(page.locator(".pswp")).to_have_count(0)


LOW = {"width": 1000, "height": 400}
"""A window of an animation: each of its frames has few pixels."""
RIGHT_OF_PICTURE = """document.querySelector(".pswp__item[aria-hidden='false'] img.pswp__img")
    .getBoundingClientRect().right"""
DOUBLE_CLICK_AND = """async ([keys, button]) => {
    const tile = document.querySelector(".tile[data-index='0'] a");
    const added = new Promise((resolve) => {
        new MutationObserver(resolve).observe(document.body, { childList: true });
    });
    tile.click();
    tile.click();
    await added;
    const options = { bubbles: true, cancelable: true };
    for (const key of keys) tile.dispatchEvent(new KeyboardEvent("keydown", { key, ...options }));
    if (button) document.querySelector(`.pswp [class*='button'][class*='--${button}']`).click();
}"""


@pytest.mark.breadth
def test_an_address_opens_a_picture(visits: Visits, gallery: Server, images: list[str]) -> None:
    """Closing it leads to the timeline, at the picture; an unknown one is an error."""
    page = visits.open(gallery, f"/view/{images[3]}")
    loaded(page)
    expect(page.locator(".pswp__counter")).to_have_text(f"4 / {COUNT}")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page).to_have_url(url_of(gallery, "/"))
    expect(page.locator(".tile[data-index='3'] a")).to_be_focused()

    visits.expect_error("404")
    page.goto(url_of(gallery, "/view/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803"))
    expect(page.locator("#messages")).to_contain_text("There is no resource with this id")
    expect(page).to_have_url(url_of(gallery, "/"))


@pytest.mark.breadth
def test_the_original_is_loaded_only_at_zoom(
    page: Page, gallery: Server, images: list[str]
) -> None:
    """Neighbours are loaded ahead, as variants; formats that browsers lack stay variants."""
    requests: list[str] = []

    def note(request: Request) -> None:
        if "/images/" in request.url and "/api/" not in request.url:
            requests.append(request.url.removeprefix(url_of(gallery, "/images/")))

    page.on("request", note)
    open_first(page)
    page.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".filter((it) => /\\/viewer(\\?|$)/.test(it.name)).length >= 2"
    )
    assert all(re.search(r"/(viewer|grid)(\?|$)", url) for url in requests)
    assert any(url.startswith(f"{images[1]}/viewer") for url in requests)

    page.keyboard.press("z")
    expect(shown(page)).to_have_attribute("src", re.compile(f"/images/{images[0]}$"))
    page.keyboard.press("z")
    for _ in range(3):  # to the TIFF
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(url_of(gallery, f"/view/{images[3]}"))
    loaded(page)
    page.keyboard.press("z")
    page.locator(".pswp--zoomed-in").wait_for()
    assert images[3] not in requests


def test_information_is_shown_and_edited(page: Page, gallery: Server, images: list[str]) -> None:
    """Title, description and tags; colours and tags lead to searches."""
    url = f"/api/v1/images/{images[0]}"
    open_first(page)
    page.keyboard.press("i")
    panel = page.get_by_role("complementary", name="Information")
    expect(panel).to_contain_text("4.jpeg")
    expect(panel).to_contain_text("3,000 \u00d7 2,000")
    expect(panel).to_contain_text("5 May 2026")
    assert violations(page) == []

    panel.get_by_label("Title").fill("Dunes")
    with page.expect_response(lambda response: is_change(response.request)):
        panel.get_by_label("Title").press("Tab")
    panel.get_by_label("Add a tag").fill("north sea")
    panel.get_by_label("Add a tag").press("Enter")
    tag = panel.get_by_role("link", name="north sea")
    expect(tag).to_have_attribute("href", "/?q=tags%3A%22north%20sea%22")
    image = gallery.client.get(url).json()
    assert (image["title"], image["tags"]) == ("Dunes", ["north sea"])

    colour = panel.get_by_role("link", name=image["palette"][0])
    expect(colour).to_have_attribute("href", f"/?q=color%3A%23{image['palette'][0][1:]}")
    colour.click()
    expect(page).to_have_url(re.compile("q=color"))
    page.locator(".tile").first.wait_for()


@pytest.mark.breadth
def test_changes_are_sent_one_after_the_other(
    page: Page, gallery: Server, images: list[str]
) -> None:
    """An answer that is slow changes no order; a picture without a date tells its upload."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if is_change(route.request):
            held.append(route)
            return
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"exif": {}})

    page.route("**/api/v1/images/*", hold)
    page.goto(url_of(gallery, f"/view/{images[1]}"))
    loaded(page)
    page.keyboard.press("i")
    panel = page.get_by_role("complementary", name="Information")
    expect(panel.get_by_text("Uploaded", exact=True)).to_be_visible()
    expect(panel.get_by_text("Taken", exact=True)).to_have_count(0)
    for tag in ("one", "two"):
        panel.get_by_label("Add a tag").fill(tag)
        panel.get_by_label("Add a tag").press("Enter")
    until(lambda: page.wait_for_function(FRAMES) and held)
    assert len(held) == 1
    held[0].continue_()
    until(lambda: page.wait_for_function(FRAMES) and len(held) == 2)
    held[1].continue_()

    expect(panel.get_by_role("link", name="two")).to_be_visible()
    assert gallery.client.get(f"/api/v1/images/{images[1]}").json()["tags"] == ["one", "two"]


FRAMES = """() => new Promise((done) => {
    let left = 30;
    const next = () => (left-- ? requestAnimationFrame(next) : done(true));
    next();
})"""


def test_a_favourite_is_marked_in_the_timeline(
    page: Page, gallery: Server, images: list[str]
) -> None:
    """By the key f or the button; the key of a button that is hidden changes nothing."""
    changes: list[Any] = []

    def note(request: Request) -> None:
        if is_change(request):
            changes.append(request.post_data_json)

    page.on("request", note)
    open_first(page)
    button = page.get_by_role("button", name="Favourite")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".pswp__button--accept")).to_be_hidden()

    page.keyboard.press("a")
    page.keyboard.press("f")

    expect(button).to_have_attribute("aria-pressed", "true")
    assert changes == [{"is_favourite": True}]
    assert gallery.client.get(f"/api/v1/images/{images[0]}").json()["is_favourite"] is True
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-index='0'] .badge.favourite")).to_have_count(1)


@pytest.mark.breadth
def test_links_and_texts_to_embed_are_copied(
    page: Page, gallery: Server, images: list[str]
) -> None:
    """The menu shows each text before it is copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    base = url_of(gallery, f"/images/{images[2]}")
    page.goto(url_of(gallery, f"/view/{images[2]}"))
    loaded(page)
    copied = {}
    page.keyboard.press("c")
    page.get_by_role("dialog", name="Copy a link").wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Copy a link")).to_have_count(0)
    for name in ("Address of the original", "Markdown", "HTML", "BBCode", "HTML in several sizes"):
        page.keyboard.press("c")
        choice = page.get_by_role("dialog", name="Copy a link").locator("li button")
        choice.filter(has=page.get_by_text(name, exact=True)).click()
        message = page.locator("#messages").get_by_text("Copied")
        message.wait_for()
        message.evaluate("(it) => it.parentElement.remove()")  # the next one is another
        copied[name] = page.evaluate("navigator.clipboard.readText()")

    assert copied["Address of the original"] == base
    assert copied["Markdown"] == f"![2]({base}/viewer)"
    assert copied["BBCode"] == f"[img]{base}/viewer[/img]"
    assert copied["HTML"].startswith(f'<img src="{base}/viewer" alt="2" width="2048"')
    assert 'alt="2" width="2048" height="1365"' in copied["HTML in several sizes"]
    expect(shown(page)).to_have_attribute("alt", "2")
    sources = re.findall(r"(\S+)\?w=(\d+)&amp;format=auto (\d+)w", copied["HTML in several sizes"])
    assert [int(width) for _url, width, _same in sources] == [480, 960, 1440, 1920, 2560]
    assert gallery.client.get(f"/images/{images[2]}?w=480&format=auto").status_code == 200


@pytest.mark.breadth
def test_the_original_is_downloaded_with_its_name(page: Page, images: list[str]) -> None:
    """By the key d."""
    assert images
    open_first(page)

    with page.expect_download() as download:
        page.keyboard.press("d")

    assert download.value.suggested_filename == "4.jpg"


@pytest.mark.breadth
def test_the_slideshow_goes_on_and_stops(page: Page, gallery: Server, images: list[str]) -> None:
    """By the key s; the bar gives way meanwhile."""
    open_first(page)
    page.keyboard.press("s")
    button = page.get_by_role("button", name="Slideshow")
    expect(button).to_have_attribute("aria-pressed", "true")

    expect(page).to_have_url(url_of(gallery, f"/view/{images[1]}"))
    page.keyboard.press("s")
    expect(button).to_have_attribute("aria-pressed", "false")


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing_in_the_viewer(
    visits: Visits, gallery: Server, images: list[str], direction: str
) -> None:
    """With the panel of information and with the menu of copies."""
    page = visits.open(gallery, f"/view/{images[0]}", is_right_to_left=direction == "rtl")
    loaded(page)
    page.keyboard.press("i")
    page.get_by_text("4.jpeg").wait_for()
    assert axe_violations(page) == []

    page.keyboard.press("c")
    page.get_by_role("dialog", name="Copy a link").wait_for()
    assert axe_violations(page) == []


@pytest.mark.breadth
def test_a_phone_swipes_to_the_next_picture(
    visits: Visits, gallery: Server, images: list[str]
) -> None:
    """The panel is a sheet below the picture, and nothing is wider than the screen."""
    page = visits.open(
        gallery, f"/view/{images[0]}", viewport=NARROW, has_touch=True, is_mobile=True
    )
    loaded(page)
    page.get_by_role("button", name="Information").tap()
    sheet = page.get_by_role("complementary", name="Information").bounding_box()
    assert sheet is not None
    assert sheet["width"] == NARROW["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]

    touch = page.context.new_cdp_session(page)
    steps = [*range(330, 60, -30)]
    for kind, x in zip(["touchStart", *["touchMove"] * (len(steps) - 1)], steps, strict=True):
        point = {"x": x, "y": 150}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    expect(page).to_have_url(url_of(gallery, f"/view/{images[1]}"))
    expect(page.get_by_role("complementary")).to_contain_text("3.jpeg")


def test_a_picture_goes_to_the_trash_and_comes_back(
    page: Page, gallery: Server, images: list[str], visits: Visits
) -> None:
    """The next one is shown; undo puts it back to its place, and shows it."""
    visits.expect_error("status of 404")  # of its variants, if one is still being loaded
    open_first(page)

    page.keyboard.press("Delete")

    expect(page).to_have_url(url_of(gallery, f"/view/{images[1]}"))
    expect(page.locator(".pswp__counter")).to_have_text(f"1 / {COUNT - 1}")
    assert gallery.client.get("/api/v1/timeline").json()["total"] == COUNT - 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".pswp__counter")).to_have_text(f"1 / {COUNT}")
    expect(page).to_have_url(url_of(gallery, f"/view/{images[0]}"))
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(COUNT)
    assert gallery.client.get("/api/v1/timeline").json()["total"] == COUNT
    first = page.locator(".tile[data-index='0'] a")
    expect(first).to_have_attribute("href", f"/view/{images[0]}")
