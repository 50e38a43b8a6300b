"""Browser contexts that tests use one after the other.

A page of a new context takes more than twice the processor time of one that has shown another page
of this machine: its renderer process and its caches are new.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Frame, Page

from tests.waiting import PATIENCE

WIDE = {"width": 1280, "height": 800}
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
RIGHT_TO_LEFT = """
new MutationObserver((_changes, observer) => {
  if (document.documentElement) { document.documentElement.dir = "rtl"; observer.disconnect(); }
}).observe(document, {childList: true});
"""
EMPTY = "/healthz"
"""A page without scripts; unlike about:blank, it is shown by the same renderer process."""
FORGET = "() => { sessionStorage.clear(); localStorage.clear(); }"
Report = Callable[[str], None]


@dataclass
class Window:
    """A context with its page, which reports errors to the test that uses it."""

    page: Page
    kind: dict[str, Any]
    is_shared: bool
    report: Report | None = None
    origins: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("framenavigated", self._note_origin)

    def begin(self, report: Report, viewport: Any, reduced_motion: Any) -> None:
        """Show pages as a test wants them, and report their errors to it."""
        self.report = report
        self.origins.clear()
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(reduced_motion=reduced_motion, color_scheme="light")

    def end(self) -> None:
        """Report the errors until now, and no later ones."""
        with contextlib.suppress(Error):  # the page may be closed
            self.page.evaluate("0")
        self.report = None

    def is_cleared(self) -> bool:
        """Forget what a test has left; false if something may be left."""
        if len(self.origins) != 1:
            return False
        try:
            self._clear(*self.origins)
        except Error:  # for example, since the server has ended
            return False
        return True

    def _clear(self, origin: str) -> None:
        page, context = self.page, self.page.context
        for other in context.pages:
            if other is not page:
                other.close()
        page.unroute_all(behavior="ignoreErrors")
        context.unroute_all(behavior="ignoreErrors")
        context.set_offline(offline=False)
        page.goto(f"{origin}{EMPTY}")
        page.evaluate(FORGET)
        page.mouse.move(0, 0)
        context.clear_cookies()
        context.clear_permissions()

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(message.text)

    def _note(self, text: str) -> None:
        if self.report is not None:
            self.report(text)

    def _note_origin(self, frame: Frame) -> None:
        if frame == self.page.main_frame:
            parts = urlsplit(frame.url)
            self.origins.add(f"{parts.scheme}://{parts.netloc}")


class Contexts:
    """The contexts of a browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[Window] = []

    def take(
        self, report: Report, *, is_shared: bool = True, viewport: Any = WIDE,
        reduced_motion: Any = "reduce", is_right_to_left: bool = False,
        scripts: tuple[str, ...] = (), **options: Any,
    ) -> Window:  # fmt: skip
        """A window whose page is empty.

        Args:
            report: what is done with the errors of its page.
            is_shared: whether other tests may have used it before and may use it afterwards. It
                must be false for a test that installs a clock or a service worker, answers
                dialogs, or needs an empty cache.
            viewport: the size of the page.
            reduced_motion: "no-preference" for a test of animations.
            is_right_to_left: the direction of the text.
            scripts: they run before those of each page.
            options: others of the context.
        """
        scripts = (REPORT_VIOLATIONS, *scripts, *([RIGHT_TO_LEFT] if is_right_to_left else []))
        kind = {"locale": "en-GB", **options, "scripts": scripts}
        fits = (window for window in self._idle if is_shared and window.kind == kind)
        if window := next(fits, None):
            self._idle.remove(window)
        else:
            window = Window(self._new_page(**kind), kind, is_shared)
        window.begin(report, viewport, reduced_motion)
        return window

    def give_back(self, window: Window) -> None:
        """Take a window back from a test that has ended."""
        window.end()
        if window.is_shared and window.is_cleared():
            self._idle.append(window)
        else:
            window.page.context.close()

    def _new_page(self, *, scripts: tuple[str, ...], **options: Any) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE * 1000)
        for script in scripts:
            context.add_init_script(script)
        return context.new_page()
