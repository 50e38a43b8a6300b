"""What all pages have in common: themes, languages, accessibility, a narrow screen, a sub-path."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.contexts import Contexts
from tests.browser.pages import DIRECTIONS, NARROW, Visits, axe_violations, url_of, violations
from tests.http.asking import picture
from tests.server import Server

READY = ".tile.loaded, main [type=submit]:enabled"
"""What scripts have made of a page."""
INLINE = """() => {
  document.body.insertAdjacentHTML("beforeend", '<p style="color: red">red</p>');
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
}"""


@pytest.fixture(scope="module")
def filled(gallery: Server) -> Server:
    """A gallery with pictures."""
    for seed in range(3):
        gallery.finished(gallery.upload(picture(seed, (600, 400)))["job"]["id"])
    return gallery


@pytest.mark.breadth
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("path", ["/", "/photos/login", "/photos/setup"])
def test_axe_finds_nothing(
    filled: Server, members: Server, visits: Visits, path: str, direction: str
) -> None:
    """Contrast, names, roles and structure, in both themes and from right to left."""
    server = members if path.startswith("/photos") else filled
    page = visits.open(server, path, is_right_to_left=direction == "rtl")
    page.locator(READY).first.wait_for()
    page.locator(".menu summary").click()

    assert axe_violations(page) == []


@pytest.mark.parametrize("path", ["/", "/photos/login"])
def test_nothing_is_wider_than_a_phone(
    filled: Server, members: Server, visits: Visits, path: str
) -> None:
    """No page scrolls sideways, buttons are large enough to hit, and axe finds nothing."""
    server = members if path.startswith("/photos") else filled
    page = visits.open(server, path, viewport=NARROW, has_touch=True)
    page.locator(READY).first.wait_for()

    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert page.evaluate(
        "[...document.querySelectorAll('button, summary, nav a, input[type=submit]')]"
        ".filter((it) => it.offsetParent && it.offsetHeight < 40).map((it) => it.outerHTML)"
    ) == []  # fmt: skip
    page.locator(".menu summary").click()
    assert violations(page) == []


def test_theme_and_language_are_kept(filled: Server, visits: Visits) -> None:
    """Both are chosen in the menu of every page."""
    page = visits.open(filled)
    page.locator(".menu summary").click()
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    page.get_by_label("Dark").check(force=True)
    with page.expect_navigation():
        page.get_by_label("Deutsch").click(force=True)

    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("link", name="Zeitachse")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light


def test_a_violation_of_the_policy_fails_a_test(contexts: Contexts, filled: Server) -> None:
    """The harness sees inline scripts and styles, and scripts of other sites."""
    made = Visits(contexts)
    page = made.open(filled)

    with page.expect_console_message(lambda message: message.text.startswith("CSP: script-src")):
        page.evaluate(INLINE)

    made.close()
    assert any("style-src" in error for error in made.errors)
    assert any("script-src" in error for error in made.errors)


def test_the_log_in_says_what_is_missing(members: Server, visits: Visits) -> None:
    """Without a request."""
    page = visits.open(members, "/photos/login")

    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_have_text("Fill in all fields.")
    expect(page.get_by_label("Name")).to_be_focused()
    assert page.url == url_of(members, "/photos/login")
