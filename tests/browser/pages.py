"""Pages of the gallery in a browser, and the errors that they report."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.contexts import Contexts, Window
from tests.http.asking import picture
from tests.server import Server

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
DIRECTIONS = ("ltr", "rtl")
"""Of text; style sheets have logical properties only, so pages are mirrored."""
NARROW = {"width": 390, "height": 844}
RUN_AXE = """async (rules) => {
  const isFinite = (it) => Number.isFinite(it.effect.getComputedTiming().endTime);
  const ends = (it) => it.playState === "running" && isFinite(it);
  let moving;  // colours are those of the end; one that is inherited may move after the other
  while ((moving = document.getAnimations().filter(ends)).length) {
    await Promise.allSettled(moving.map((it) => it.finished));
    await new Promise(requestAnimationFrame);
  }
  const found = await axe.run(document, {resultTypes: ["violations"], ...rules});
  return found.violations.map(({id, nodes}) => `${id}: ${nodes.map((it) => it.html).join("; ")}`);
}"""

ONE_PICTURE = f"""{{
  const bytes = Uint8Array.from(
    atob("{b64encode(picture(1, (60, 40))).decode()}"), (letter) => letter.charCodeAt(0));
  const picture = URL.createObjectURL(new Blob([bytes], {{ type: "image/jpeg" }}));
  const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  const set = function (url) {{ source.set.call(this, url.includes("/images/") ? picture : url); }};
  Object.defineProperty(HTMLImageElement.prototype, "src", {{ ...source, set }});
}}"""
"""A script that shows one picture for all images: for rows that have no files.

A route for the requests would take twice the processor time, since no page has a cache then.
"""
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that may hold in one theme only."""


OPEN_AND_LEAVE = """async (link) => {
    document.querySelector(link).click();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    const isStyled = () => [...document.styleSheets].some((it) => it.href.includes("photoswipe"));
    while (!isStyled()) await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < 30; frame += 1) await new Promise(requestAnimationFrame);
}"""
"""Open a picture, and press Esc at once; it returns after the viewer has been loaded."""


class Visits:
    """The pages of one test, and what their consoles report."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._windows: list[Window] = []
        self._allowed: list[str] = []
        self._reported: list[str] = []

    @property
    def errors(self) -> list[str]:
        """The errors that no test expected."""
        return [
            text
            for text in self._reported
            if not any(re.search(pattern, text) for pattern in self._allowed)
        ]

    def expect_error(self, pattern: str) -> None:
        """Accept console errors that contain this pattern, such as the status of a response."""
        self._allowed.append(pattern)

    def page(self, **options: Any) -> Page:
        """An empty page; the options are those of `Contexts.take`."""
        window = self._contexts.take(self._reported.append, **options)
        self._windows.append(window)
        return window.page

    def open(self, server: Server, path: str = "/", **options: Any) -> Page:
        """A page of a server."""
        page = self.page(**options)
        page.goto(url_of(server, path))
        return page

    def close(self) -> None:
        """Leave all pages."""
        for window in self._windows:
            self._contexts.give_back(window)


def url_of(server: Server, path: str) -> str:
    """The URL of a path of a server."""
    return f"http://127.0.0.1:{server.port}{path}"


def logged_in(page: Page, server: Server, name: str, password: str, path: str = "/") -> Page:
    """A page of a user, who has just logged in without the form."""
    base = server.settings.get("base_path", "")
    sent = {"name": name, "password": password}
    assert page.request.post(url_of(server, f"{base}/api/v1/session"), data=sent).ok
    page.goto(url_of(server, f"{base}{path}"))
    return page


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds on a page in both themes, which differ in colours only."""
    page.emulate_media(color_scheme="light")
    found = [f"light: {it}" for it in violations(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {it}" for it in violations(page, runOnly=OF_COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


def violations(page: Page, **options: Any) -> list[str]:
    """What axe-core finds on a page as it is shown, for a test that looks at the page anyway."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(RUN_AXE, options)
    return found
