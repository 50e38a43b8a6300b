"""Pages of the gallery in a browser, and the errors that they report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page

from tests.breadth import represented
from tests.server import Server
from tests.waiting import PATIENCE

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
DIRECTIONS = represented(("ltr", "rtl"), "ltr")
"""Of text; style sheets have logical properties only, so pages are mirrored."""
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
RIGHT_TO_LEFT = """
new MutationObserver((_changes, observer) => {
  if (document.documentElement) { document.documentElement.dir = "rtl"; observer.disconnect(); }
}).observe(document, {childList: true});
"""
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
    """Browser contexts of one test, and what their consoles report."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
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

    def page(self, *, is_right_to_left: bool = False, **options: Any) -> Page:
        """An empty page in a context of its own."""
        options = {"viewport": WIDE, "locale": "en-GB", **options}
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE * 1000)
        context.add_init_script(REPORT_VIOLATIONS)
        if is_right_to_left:
            context.add_init_script(RIGHT_TO_LEFT)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", self._note_exception)
        return page

    def open(self, server: Server, path: str = "/", **options: Any) -> Page:
        """A page of a server, in a new context."""
        page = self.page(**options)
        page.goto(url_of(server, path))
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._reported.append(message.text)

    def _note_exception(self, error: Error) -> None:
        self._reported.append(str(error))


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
    """What axe-core finds on a page in both themes, which differ in colours only.

    The context has `bypass_csp`: axe is a foreign script.
    """
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    page.emulate_media(color_scheme="light")
    found = [f"light: {it}" for it in page.evaluate(RUN_AXE, {})]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {it}" for it in page.evaluate(RUN_AXE, {"runOnly": OF_COLOURS})]
    page.emulate_media(color_scheme="light")
    return found
