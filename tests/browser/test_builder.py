"""The URL builder: fields for the whole grammar, the variant, its URL and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.accounts import admin_of, make_user
from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import Server

SIZE = (1200, 800)
PUBLIC = "https://pictures.example/photos"
REQUEST_AGAIN = """async ([id, w]) => {
  for (let round = 0; round < 5; round += 1) {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ operations: [{ w }] });
    await fetch(`/api/v1/images/${id}/signed-urls`, { method: "POST", headers, body });
    await (await fetch(`/images/${id}?w=${w}`)).blob();
  }
}"""
"""The requests of an earlier value, often enough that their responses have come before."""
PASSWORD = "a long and good password"
FORM = ".build-form"
ADDRESS = "#address"


@pytest.fixture(scope="module")
def image(gallery: Server) -> str:
    """The id of an image of the gallery."""
    return uploaded(gallery)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server below a path whose URLs must be signed, unless they name a preset."""
    server = Server(
        tmp_path_factory.mktemp("signing") / "data", base_path="/photos",
        public_url=PUBLIC, transform_policy="signed",
    ).start()  # fmt: skip
    yield server
    server.close()


def uploaded(server: Server) -> str:
    """The id of a new image."""
    image = server.upload(picture(0, SIZE))
    server.finished(image["job"]["id"])
    return str(image["id"])


def field(page: Page, key: str) -> Locator:
    """The text of a number of the form."""
    return page.locator(f"#field-{key}")


def shows(page: Page, width: int, height: int) -> None:
    """Wait for a variant of this size."""
    expect(page.locator(".build-figures")).to_contain_text(f"{width:,} \u00d7 {height:,}")


def test_values_become_a_picture_and_its_canonical_url(
    visits: Visits, gallery: Server, image: str
) -> None:
    """The address of the page keeps them; copies, the preset and the reset follow."""
    visits.expect_error("400")  # if a slow browser sends 300.0 before the next value
    page = visits.open(gallery, f"/view/{image}")
    page.locator(".pswp__button--info").wait_for()
    page.keyboard.press("b")
    expect(page).to_have_url(url_of(gallery, f"/build/{image}"))
    shows(page, *SIZE)
    expect(page.locator(ADDRESS)).to_have_text(url_of(gallery, f"/images/{image}"))

    field(page, "w").fill("300")
    field(page, "h").fill("300.0")
    field(page, "h").fill("300")
    page.get_by_text("cover", exact=True).click()
    page.locator("#field-gravity").select_option("northwest")
    page.get_by_text("webp", exact=True).click()
    shows(page, 300, 300)
    place = f"/images/{image}?fit=cover&format=webp&gravity=northwest&h=300&w=300"
    expect(page.locator(ADDRESS)).to_have_text(url_of(gallery, place))
    expect(page.locator(".build-figures")).to_contain_text(re.compile(r"WEBP.* (kB|byte).* ms"))
    assert gallery.client.get(place).headers["content-type"] == "image/webp"
    dense = place.replace("h=300&w=300", "h=600&w=600").replace("&", "&amp;")
    expect(page.locator(".build-texts li", has_text="HTML 2\u00d7")).to_contain_text(f"{dense} 2x")

    field(page, "w").press("ArrowUp")
    field(page, "w").press("Shift+ArrowUp")
    expect(field(page, "w")).to_have_value("311")
    shows(page, 311, 300)
    expect(page.locator(".build-toml pre")).to_contain_text(
        'my-preset = "fit=cover&format=webp&gravity=northwest&h=300&w=311"'
    )
    page.reload()
    shows(page, 311, 300)
    expect(page.locator("#field-gravity")).to_have_value("northwest")

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("h1").click()
    page.keyboard.press("c")
    expect(page.locator("#messages")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(ADDRESS).inner_text()
    page.keyboard.press("r")
    expect(page).to_have_url(url_of(gallery, f"/build/{image}"))
    expect(page.locator(ADDRESS)).to_have_text(url_of(gallery, f"/images/{image}"))


@pytest.mark.breadth
def test_a_region_is_drawn_on_the_picture(visits: Visits, gallery: Server, image: str) -> None:
    """By the pointer and by arrows; the numbers and the URL follow, and the rest stays unset."""
    page = visits.open(gallery, f"/build/{image}")
    shows(page, *SIZE)
    page.locator("summary", has_text="Crop").click()
    expect(field(page, "rotate")).to_have_value("")
    expect(page.locator(".build-field:has(#field-w) .is-unset")).to_have_value("1")
    page.get_by_role("button", name="Draw on the picture").click()
    area = page.get_by_role("application", name="Region of the picture")
    box = area.bounding_box()
    assert box is not None

    def place(across: float, down: float) -> tuple[float, float]:
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    page.mouse.move(*place(0.25, 0.2))
    page.mouse.down()
    page.mouse.move(*place(0.5, 0.5))
    page.mouse.move(*place(0.75, 0.7))
    page.mouse.up()
    shows(page, 600, 400)
    page.mouse.move(*place(0.5, 0.5))  # within: it is moved
    page.mouse.down()
    page.mouse.move(*place(0.4, 0.5))
    page.mouse.up()
    expect(page.get_by_label("Left")).to_have_value(re.compile("^15"))
    for key in ("ArrowDown", "Shift+ArrowLeft"):
        page.keyboard.press(key)

    shows(page, 588, 400)
    (left, top, width, height) = region_of(page)
    assert [left, top, width, height] == pytest.approx([0.15, 0.21, 0.49, 0.5], abs=0.004)
    page.keyboard.press("Escape")
    expect(area).to_have_count(0)
    expect(page.get_by_role("button", name="Draw on the picture")).to_be_focused()


def region_of(page: Page) -> list[float]:
    """The region in the URL, in fractions of the sides."""
    return [float(part) for part in page.locator(ADDRESS).inner_text().split("crop=")[1].split(",")]


@pytest.mark.breadth
def test_errors_are_marked_at_their_fields(visits: Visits, gallery: Server, image: str) -> None:
    """Those of the grammar and those of this image, also in a group that is closed."""
    visits.expect_error("400")
    page = visits.open(gallery, f"/build/{image}?w=100&blur=900&q=abc")
    fault = page.locator(".build-field", has=field(page, "blur")).get_by_role("alert")
    expect(fault).to_contain_text("must be a number from 0.3 to 250")
    expect(field(page, "q")).to_have_value("abc")
    expect(field(page, "q")).to_have_attribute("aria-invalid", "true")
    expect(field(page, "w")).to_have_attribute("aria-invalid", "false")
    expect(page.locator(".build-problem")).to_contain_text("Request ")
    expect(page.locator(ADDRESS)).to_have_count(0)
    assert violations(page) == []

    field(page, "blur").fill("2")
    page.get_by_role("button", name="Remove q", exact=True).click()
    shows(page, 100, 67)
    field(page, "frame").fill("3")
    fault = page.locator(".build-field", has=field(page, "frame")).get_by_role("alert")
    expect(fault).to_contain_text("the last frame of this image")
    expect(page.locator(FORM).get_by_role("alert")).to_have_count(1)


@pytest.mark.breadth
def test_the_last_change_wins(visits: Visits, gallery: Server, image: str) -> None:
    """An earlier response that comes later changes nothing."""
    page = visits.open(gallery, f"/build/{image}?w=90")
    shows(page, 90, 60)
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/signed-urls", hold_first)
    with page.expect_request("**/signed-urls"):
        field(page, "w").fill("120")
    field(page, "w").fill("150")
    shows(page, 150, 100)

    held[0].continue_()
    page.evaluate(REQUEST_AGAIN, [image, "120"])
    shows(page, 150, 100)
    expect(field(page, "w")).to_have_value("150")


@pytest.mark.breadth
def test_a_url_is_signed_where_the_settings_want_it(visits: Visits, signing: Server) -> None:
    """For as long as is chosen; presets need no signature, and may have one."""
    image = uploaded(signing)
    page = visits.open(signing, f"/photos/build/{image}?w=60")
    shows(page, 60, 40)
    signed = page.locator(ADDRESS).inner_text()
    assert signed.startswith(f"{PUBLIC}/images/{image}?")
    assert signing.client.get(local(signed)).status_code == 200
    assert signing.client.get(f"/photos/images/{image}?w=60").status_code == 403
    expect(page.locator(".build-note")).to_contain_text("Signed: everyone who has this URL")

    page.locator("#field-preset").select_option("thumbnail")
    page.get_by_role("button", name="Remove w", exact=True).click()
    shows(page, 256, 171)
    preset = f"{PUBLIC}/images/{image}/thumbnail"
    expect(page.locator(ADDRESS)).to_have_text(preset)
    page.get_by_label("Signature").select_option("86400")
    expect(page.locator(ADDRESS)).to_contain_text("sig=")
    assert signing.client.get(local(page.locator(ADDRESS).inner_text())).status_code == 200


def local(url: str) -> str:
    """The path on this machine of a URL of the proxy."""
    return url.removeprefix(PUBLIC.removesuffix("/photos"))


@pytest.mark.breadth
def test_others_build_urls_without_signing(visits: Visits, make_server: MakeServer) -> None:
    """Of a public image of another user, with the values as they were written."""
    server = make_server(auth="required")
    admin = admin_of(server)
    make_user(server, admin, "eve", password=PASSWORD)
    content = {"file": ("a.jpg", picture(0, SIZE))}
    made = admin.client.post("/api/v1/images", files=content, data={"visibility": "public"})
    image = made.json()["id"]
    visits.expect_error("403")
    page = visits.open(server, f"/build/{image}?w=60&h=40&gravity=fp:0.5,0.5")
    page.locator("#name").fill("eve")
    page.locator("#password").fill(PASSWORD)
    page.locator("[type=submit]:enabled").click()

    shows(page, 60, 40)
    place = f"/images/{image}?gravity=fp:0.5,0.5&h=40&w=60"
    expect(page.locator(ADDRESS)).to_have_text(url_of(server, place))
    expect(page.get_by_label("Signature")).to_have_count(0)


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_axe_finds_nothing_and_a_phone_has_room(
    visits: Visits, gallery: Server, image: str, direction: str
) -> None:
    """With every group open, with values, and with an error."""
    visits.expect_error("400")
    query = "w=100&gravity=fp:0.2,0.4&crop=0.1,0.1,0.5,0.5&blur=3&gray=1&bg=zz"
    page = visits.open(
        gallery, f"/build/{image}?{query}",
        viewport=NARROW, has_touch=True, is_right_to_left=direction == "rtl",
    )  # fmt: skip
    page.locator(".build-fault").wait_for()
    assert page.locator(".build-group:not([open])").count() == 0
    assert axe_violations(page) == []

    page.get_by_role("button", name="Remove bg", exact=True).click()
    shows(page, 100, 67)
    assert axe_violations(page) == []
    page.get_by_role("button", name="Draw on the picture").click()
    expect(page.get_by_role("application")).to_be_focused()
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


@pytest.mark.breadth
def test_an_image_that_does_not_exist(visits: Visits, gallery: Server) -> None:
    """The way on is the timeline."""
    visits.expect_error("404")
    page = visits.open(gallery, "/build/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803")

    expect(page.get_by_role("alert")).to_contain_text("There is no such picture")
    page.get_by_role("link", name="Choose a picture").click()
    expect(page).to_have_url(url_of(gallery, "/"))
