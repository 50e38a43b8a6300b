"""Write docs/screens: the pages of the gallery in a browser, with painted pictures.

Run it again with `make docs`. It starts a server with accounts on a temporary directory, uploads
paintings of several years, and visits each page as a user who has logged in.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from scripts.paintings import CAMERAS, Taken, painting
from tests.accounts import PASSWORD, Account, admin_of, make_user
from tests.chromium import chromium
from tests.server import Server
from tests.waiting import until

SCREENS = Path(__file__).resolve().parent.parent / "docs" / "screens"
WIDE, PHONE = (1280, 800), (390, 844)
PICTURES = 44
LAST_DAY = datetime(2026, 10, 24, 18, 40)  # noqa: DTZ001  # cameras write local time
TITLES = ("Ridge at dawn", "Above the fog", "Night walk", "Evening light", "Dunes", "Red evening")
TAGS = (("mountains", "morning"), ("fog",), ("night", "mountains"), ("evening",), ("dunes",), ())
ALBUMS = {"Alps 2026": range(10), "Night walks": range(12, 18), "Dunes": range(20, 28)}

SHARES = (
    {"title": "Ten days in the Alps", "password": PASSWORD, "allow_download": True},
    {"title": "For the newsletter", "max_views": 50},
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A server with pictures, and what the screens need to know of them."""

    server: Server
    images: list[str]
    albums: list[str]


@dataclass(frozen=True, slots=True)
class Screen:
    """A page, and what is done on it before it is shown."""

    name: str
    path: Callable[[Filled], str]
    steps: Callable[[Page], None] = lambda _page: None
    size: tuple[int, int] = WIDE
    scheme: Literal["light", "dark"] = "light"


def main() -> None:
    """Write all screens."""
    SCREENS.mkdir(exist_ok=True)
    for old in SCREENS.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder) / "data", auth="required").start()
        try:
            filled = _filled(server)
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            for screen in SCREENS_SHOWN:
                _show(browser, filled, screen)
            browser.close()
        finally:
            server.close()


def _filled(server: Server) -> Filled:
    """A user's pictures, with dates, titles, tags and collections."""
    admin = admin_of(server)
    user = make_user(server, admin, "grace", password=PASSWORD, is_admin=True)
    ids = [_uploaded(user, number) for number in range(PICTURES)]
    until(lambda: _is_done(user))
    albums = []
    for title, places in ALBUMS.items():
        album = user.client.post("/api/v1/collections", json={"title": title}).json()["id"]
        change = {"ids": [ids[place] for place in places], "collection_id": album}
        user.client.post("/api/v1/images/actions/update", json=change).raise_for_status()
        albums.append(album)
    for share in SHARES:
        user.client.post(
            "/api/v1/shares", json={"collection_id": albums[0], **share}
        ).raise_for_status()
    link = {"title": "Pictures of our guests", "max_files": 200, "collection_id": albums[0]}
    user.client.post("/api/v1/upload-links", json=link).raise_for_status()
    user.client.post("/api/v1/images/actions/trash", json={"ids": ids[-3:]}).raise_for_status()
    return Filled(server, ids, albums)


def _is_done(user: Account) -> bool:
    counts = user.client.get("/api/v1/jobs/summary").json()["counts"]
    return bool(counts["pending"] == counts["processing"] == 0)


def _uploaded(user: Account, number: int) -> str:
    """The id of a painting, some days older than the one before."""
    at = LAST_DAY - timedelta(days=0.23 * number**1.6, hours=number % 7)
    content = painting(number, Taken(at, CAMERAS[number % len(CAMERAS)]))
    place = number % len(TITLES)
    fields = {"title": TITLES[place], "tags": ",".join(TAGS[place]), "visibility": "private"}
    files = {"file": (f"DSCF{4100 + number}.jpg", content)}
    made = user.client.post("/api/v1/images", files=files, data=fields).raise_for_status()
    return str(made.json()["id"])


def _show(browser: Browser, filled: Filled, screen: Screen) -> None:
    """Write one screen as WebP."""
    base = f"http://127.0.0.1:{filled.server.port}"
    viewport: ViewportSize = {"width": screen.size[0], "height": screen.size[1]}
    context = browser.new_context(
        base_url=base, viewport=viewport, color_scheme=screen.scheme, locale="en-GB"
    )
    context.request.post("/api/v1/session", data={"name": "grace", "password": PASSWORD})
    page = context.new_page()
    page.goto(screen.path(filled))
    screen.steps(page)
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    picture.save(SCREENS / f"{screen.name}.webp", quality=80, method=6)
    context.close()


def _tiles(page: Page) -> None:
    page.locator(".tile img").nth(3).wait_for()


def _information(page: Page) -> None:
    page.locator(".pswp--open").wait_for()
    page.get_by_role("button", name="Information").click()
    page.locator(".info").get_by_text("Camera").wait_for()


def _text(text: str) -> Callable[[Page], None]:
    return lambda page: page.locator("main").get_by_text(text).first.wait_for()


def _selection(page: Page) -> None:
    _tiles(page)
    for place in (1, 2, 4):
        tile = page.locator(".tile").nth(place)
        tile.hover()
        tile.locator(".check").click()


BUILT = "w=720&h=480&fit=cover&gravity=smart&radius=24&format=webp"
SCREENS_SHOWN = (
    Screen("timeline", lambda _: "/", _tiles),
    Screen("timeline-phone", lambda _: "/", _tiles, PHONE, "dark"),
    Screen("search", lambda _: "/?q=color:%23c05a3c", _tiles),
    Screen("viewer", lambda it: f"/view/{it.images[0]}", _information),
    Screen("selection", lambda _: "/", _selection),
    Screen("collections", lambda _: "/collections", _text("Alps 2026")),
    Screen("collection", lambda it: f"/collections/{it.albums[0]}", _tiles),
    Screen("shares", lambda _: "/shares", _text("Links for uploads")),
    Screen("trash", lambda _: "/trash"),
    Screen("builder", lambda it: f"/build/{it.images[3]}?{BUILT}", _text("made now")),
    Screen("account", lambda _: "/account", _text("Sessions")),
    Screen("admin", lambda _: "/admin", _text("Users")),
)
"""In the order of docs/gallery.md."""


if __name__ == "__main__":
    main()
