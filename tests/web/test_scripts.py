"""Scripts and styles of the gallery: small, short, and without ways to run texts of users."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.server import Server

STATIC = Path(__file__).parent.parent.parent / "imagesvc" / "web" / "static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
STYLES = sorted((STATIC / "css").glob("*.css"))
TEMPLATES = sorted((STATIC.parent / "templates").glob("*.html"))
LINES = 300
FOLDER = 20
FIRST_BYTES = 45_000
"""Of scripts and styles that the timeline loads, compressed."""
IMPORTED = re.compile(r'(?:\} from |^import )"([^"]+)"', re.MULTILINE)
FORBIDDEN = (
    r"unsafeHTML", r"\beval\(", r"new Function", r"outerHTML\s*=", r"insertAdjacentHTML",
    r"document\.write", r"style=\$", r"\bstyle=\"", r"setAttribute\(\"(?:style|on)",
    r"innerHTML\s*\+?=(?!\s*`\n?[^$]*?`;)",
)  # fmt: skip
"""Ways from a text to HTML, code or inline styles; a constant may become a template."""


def test_no_script_is_long() -> None:
    """A module has one subject, as in Python."""
    sizes = {path.name: len(path.read_text("utf-8").splitlines()) for path in SCRIPTS}
    folders = {path.parent for path in SCRIPTS}

    assert len(sizes) > 30
    assert {name: size for name, size in sizes.items() if size > LINES} == {}
    assert max(len([*folder.glob("*.js")]) for folder in folders) <= FOLDER


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_script_makes_html_of_texts(pattern: str) -> None:
    """lit-html and `textContent` escape what they show."""
    found = [path.name for path in SCRIPTS if re.search(pattern, path.read_text("utf-8"))]

    assert found == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_control_is_dead_until_its_script_runs(template: Path) -> None:
    """A page is used as soon as it is seen: what needs a script is hidden or disabled before."""
    form, dead = "", []
    for tag in re.findall(r"<(?:form|/form|button|fieldset)\b[^>]*>", template.read_text("utf-8")):
        form = "" if tag == "</form>" else tag if tag.startswith("<form") else form
        if tag.startswith(("<button", "<fieldset")):
            needs_none = "/logout" in form
            is_ready = re.search(r"\b(?:disabled|hidden)\b", tag) or " hidden" in form
            if not needs_none and not is_ready:
                dead.append(tag)

    assert dead == []


def test_every_part_that_is_loaded_later_may_be_missing() -> None:
    """A cut network is a message: `loaded` or `loadedViewer` waits for each `import()`."""
    comment = re.compile(r"/\*.*?\*/", re.DOTALL)
    later = re.compile(r"(?<!loaded\()(?<!loadedViewer\()\bimport\(")
    sources = {path.name: comment.sub("", path.read_text("utf-8")) for path in SCRIPTS}

    assert [name for name, source in sources.items() if later.search(source)] == []
    assert sum(source.count("loaded(import(") for source in sources.values()) > 4


def test_no_style_depends_on_the_direction_of_text() -> None:
    """Logical properties mirror pages of languages that are written from right to left."""
    physical = re.compile(
        r"^\s*(?:margin|padding|border)-(?:left|right|top|bottom)|^\s*text-align: (?:left|right)",
        re.MULTILINE,
    )

    assert [path.name for path in STYLES if physical.search(path.read_text("utf-8"))] == []


def test_the_timeline_is_shown_after_few_bytes(server: Server) -> None:
    """The viewer and the panel of uploads are loaded when they are opened."""
    page = server.client.get("/", headers={"accept": "text/html"}).text
    waiting = re.findall(
        r'<script type="module" src="([^"]+)"|rel="stylesheet" href="([^"]+)"', page
    )
    urls = [script or style for script, style in waiting]
    sizes: dict[str, int] = {}
    while urls:
        url = urls.pop()
        content = server.client.get(url).content
        sizes[url] = len(gzip.compress(content, 9))
        if url.endswith(".js") and "/vendor/" not in url:
            found = (urljoin(url, name) for name in IMPORTED.findall(content.decode()))
            urls += [new for new in found if new not in sizes]

    assert len(sizes) > 10
    assert sum(sizes.values()) <= FIRST_BYTES, sizes
    assert not any("photoswipe" in url for url in sizes)
