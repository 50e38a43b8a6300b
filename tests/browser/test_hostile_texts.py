"""Texts of users are shown as text: no place of the gallery takes them for HTML."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.accounts import admin_of, make_user
from tests.breadth import represented
from tests.browser.pages import Visits, logged_in, url_of
from tests.server import Server

HOSTILE = "<img src=x onerror=hack()>\"'\u202e&lt;b&gt;${hack()}{{hack()}}"
"""HTML, quotes, a mark that reverses the text after it, an entity, and two kinds of templates."""
PASSWORD = "a long and good password"
COUNT_HACKS = "window.hacks = 0; window.hack = () => { window.hacks += 1; };"
MAKE, MODEL = 0x010F, 0x0110


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a user whose image has hostile texts; names of users have safe letters only."""
    server = Server(
        tmp_path_factory.mktemp("hostile") / "data", auth="required", rate_limits="off"
    ).start()
    user = make_user(server, admin_of(server), "eve", password=PASSWORD)
    made = user.client.post(
        "/api/v1/images",
        files={"file": ("<img src=x onerror=hack()>.jpg", hostile_photo())},
        data={"title": HOSTILE, "description": HOSTILE},
    )
    assert made.status_code == 201, made.text
    image = user.client.patch(f"/api/v1/images/{made.json()['id']}", json={"tags": [HOSTILE]})
    assert image.status_code == 200, image.text
    yield server
    server.close()


def hostile_photo() -> bytes:
    """A photograph of a camera with a hostile name."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[MAKE], exif[MODEL] = "<img src=x onerror=hack()>", '"><script>hack()</script>'
    Image.new("RGB", (800, 600), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def page(members: Server, visits: Visits) -> Page:
    """The timeline of the user, whose context counts scripts that ran."""
    page = visits.page(scripts=(COUNT_HACKS,))
    logged_in(page, members, "eve", PASSWORD)
    page.locator(".tile.loaded").wait_for()
    return page


def assert_text_only(page: Page) -> None:
    """Nothing of the texts became an element, and nothing ran."""
    assert page.locator("img[src='x'], img[onerror], b, bdi script").count() == 0
    assert page.evaluate("window.hacks") == 0


def test_texts_of_an_image_are_text_in_its_information(page: Page) -> None:
    """Title, description, tags, file name, and what the camera wrote."""
    page.locator(".tile a").click()
    page.get_by_role("button", name="Information").click()
    panel = page.get_by_role("complementary", name="Information")

    expect(panel.get_by_label("Title")).to_have_value(HOSTILE)
    expect(panel.get_by_label("Description")).to_have_value(HOSTILE)
    expect(panel.locator(".tags bdi")).to_have_text(HOSTILE)
    expect(panel).to_contain_text("onerror=hack()>.jpg")
    expect(panel).to_contain_text("<script>hack()</script>")
    link = panel.locator(".tags a").get_attribute("href")
    assert link is not None
    assert re.fullmatch(r"/\?q=tags%3A%22[\w%.!~*'()-]+%22", link)
    assert_text_only(page)


@pytest.mark.breadth
def test_a_mark_that_reverses_text_ends_with_its_text(page: Page) -> None:
    """Each text of a user is isolated from the words around it."""
    page.locator(".tile a").click()
    page.get_by_role("button", name="Information").click()
    page.locator(".info .tags bdi").wait_for()

    places = page.evaluate(
        """() => [...document.querySelectorAll(".info dd bdi, .info .tags bdi")]
          .map((it) => getComputedStyle(it).unicodeBidi)"""
    )
    assert len(places) > 3
    assert set(places) == {"isolate"}


def test_texts_to_embed_are_safe_where_they_are_pasted(page: Page) -> None:
    """Shown as text in the menu, and as HTML one picture with the title as its text."""
    page.locator(".tile a").click()
    page.get_by_role("button", name="Copy a link").click()
    dialog = page.get_by_role("dialog", name="Copy a link")
    expect(dialog.locator("code")).to_have_count(5)
    snippets = dialog.locator("code").all_inner_texts()
    assert_text_only(page)

    for html in (snippets[2], snippets[4]):
        pasted = page.evaluate(
            """(html) => {
              const made = new DOMParser().parseFromString(html, "text/html");
              return [...made.body.querySelectorAll("*")].map((it) =>
                [it.tagName, it.alt, it.getAttributeNames().join(" ")]);
            }""",
            html,
        )
        assert [(name, alt) for name, alt, _names in pasted] == [("IMG", HOSTILE)]
        assert set(pasted[0][2].split()) <= {"src", "srcset", "sizes", "alt", "width", "height"}
    markdown = snippets[1]
    assert re.fullmatch(r"!\[(?:[^\\\[\]<>]|\\.)*\]\(http://[^)\s]+\)", markdown)


@pytest.mark.breadth
def test_texts_of_the_builder_are_text(page: Page, members: Server, visits: Visits) -> None:
    """The title in what it embeds, and values from a link that someone sent."""
    visits.expect_error("400")
    path = page.locator(".tile a").get_attribute("href")
    assert path is not None
    page.goto(url_of(members, path.replace("/view/", "/build/")))
    expect(page.locator(".build-texts")).to_contain_text("hack()")
    assert_text_only(page)

    for key in ("w", "gravity", "crop", "bg", "wm", "format", "preset"):
        page.goto(url_of(members, f"{path.replace('/view/', '/build/')}?{key}={quote(HOSTILE)}"))
        page.locator(".build-fault").wait_for()
        assert_text_only(page)


@pytest.mark.parametrize(
    "query", represented((HOSTILE, f'width:"{HOSTILE}', f"tags:{HOSTILE}"), HOSTILE)
)
def test_a_search_is_text_in_its_error(
    page: Page, visits: Visits, members: Server, query: str
) -> None:
    """The error of the API repeats a part of it."""
    visits.expect_error("400")

    page.goto(url_of(members, f"/?q={quote(query)}"))

    page.locator(".notice, .tile, .search-error").first.wait_for()
    assert_text_only(page)


@pytest.mark.breadth
def test_the_address_to_come_back_to_is_text(visits: Visits, members: Server) -> None:
    """It stands in the data of the log-in."""
    page = visits.page(scripts=(COUNT_HACKS,))

    page.goto(url_of(members, f"/?q={quote('</script><script>hack()</script>' + HOSTILE)}"))

    page.locator("#login").wait_for()
    assert_text_only(page)
