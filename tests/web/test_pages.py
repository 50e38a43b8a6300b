"""Pages of the gallery over HTTP: who gets them, with which header fields."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from zipfile import ZipFile

import httpx2
import pytest

from imagesvc.web.pages import own_path
from tests.http.asking import assert_problem
from tests.server import Server

HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
IMAGE = "/view/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803"
OWN = (
    "/collections",
    "/collections/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803",
    "/shares",
    "/trash",
    "/account",
    "/admin",
)
"""The pages of users besides the timeline."""
BUILDER = "/build/019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803"
IMPORTED = re.compile(r'(?:\} from |^import |\bimport\()"([^"]+)"', re.MULTILINE)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({"base_path": "/photos"}, id="path"),
        pytest.param(
            {"public_url": "https://pictures.example/photos"}, id="url", marks=pytest.mark.breadth
        ),
    ],
)
def below(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server below a path, visited by another name than that of its settings."""
    server = Server(tmp_path_factory.mktemp("below") / "data", **request.param).start()
    yield server
    server.close()


def page_of(server: Server, path: str = "/", **headers: str) -> httpx2.Response:
    """A page that the server has."""
    answer = server.client.get(path, headers=HTML | headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def data_of(page: httpx2.Response) -> dict[str, object]:
    """What the page tells its scripts."""
    (text,) = re.findall(r'<script type="application/json" id="page">(.*?)</script>', page.text)
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.parametrize("path", ["/", IMAGE, BUILDER, *OWN, "/login", "/setup"])
def test_pages_refuse_what_is_not_theirs(guarded: Server, server: Server, path: str) -> None:
    """Scripts, styles and pictures of other origins, frames, and other media types."""
    answer = server.client.get(path, headers=HTML)
    if answer.status_code == 303:
        answer = guarded.client.get(path, headers=HTML)

    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    expected = "no-referrer" if path == "/setup" else "same-origin"
    assert answer.headers["referrer-policy"] == expected
    assert not re.search(r"<script(?![^>]*(?: src=|application/json))|style=| on\w+=", answer.text)


def test_every_file_of_a_page_is_below_the_path_of_the_service(below: Server) -> None:
    """A proxy serves the gallery at `/photos/`; browsers keep the files."""
    page = page_of(below, "/photos/")

    urls = re.findall(r'(?:src|href|action)="([^"#]+)"', page.text)
    assert [url for url in urls if not url.startswith("/photos/")] == []
    assets = [url for url in urls if "/assets/" in url]
    assert len(assets) >= 4
    assert data_of(page)["base"] == "/photos"
    for asset in assets:
        answer = below.client.get(asset)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_modules_import_each_other_by_relative_paths(server: Server) -> None:
    """All of them have one version in their URLs."""
    waiting = re.findall(r'<script type="module" src="([^"]+)"', page_of(server).text)
    seen = set()
    while waiting:
        url = waiting.pop()
        seen.add(url)
        answer = server.client.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["content-type"].startswith("text/javascript")
        imported = [] if "/vendor/" in url else IMPORTED.findall(answer.text)
        assert all(name.startswith(".") for name in imported), (url, imported)
        waiting += [new for name in imported if (new := urljoin(url, name)) not in seen]

    assert len(seen) >= 5


def test_an_old_version_of_a_file_is_not_kept(server: Server) -> None:
    """A page that was open during an upgrade still works, and mixes no versions for a year."""
    (url,) = re.findall(r'href="([^"]+/css/base.css)"', page_of(server).text)
    old = re.sub(r"/assets/\w+/", "/assets/0123456789abcdef/", url)

    answer = server.client.get(old)

    assert answer.content == server.client.get(url).content
    assert answer.headers["cache-control"] == "no-cache"
    again = server.client.get(url, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "../pages.py", "..%2Fpages.py", "%00", "css", ""])
def test_only_the_files_of_the_table_are_assets(server: Server, name: str) -> None:
    """A name is no path in a file system."""
    answer = server.client.get(f"/assets/x/{name}", follow_redirects=True)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/?q=red%20%26%20blue", IMAGE, *OWN])
def test_a_visitor_logs_in_first_and_comes_back(guarded: Server, path: str) -> None:
    """The log-in knows the page that was asked for."""
    answer = guarded.client.get(path, headers=HTML)

    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    assert urlsplit(answer.headers["location"]).path == "/login"
    form = page_of(guarded, answer.headers["location"])
    assert data_of(form)["next"] == path
    assert data_of(form)["user"] is None
    assert "/auth/oidc" not in form.text


def test_without_accounts_there_is_no_log_in(server: Server) -> None:
    """The pages work at once."""
    page_of(server, IMAGE)

    for path in ("/login", "/setup"):
        answer = server.client.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil",
        "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "", "/\r\nset-cookie: a=b",
    ],
)  # fmt: skip
def test_the_log_in_leads_to_no_other_site(guarded: Server, target: str) -> None:
    """An attacker sends a link to the real log-in."""
    page = guarded.client.get("/login", headers=HTML, params={"next": target})

    assert data_of(page)["next"] == "/"
    assert own_path(target) == "/"


def test_other_scripts_in_the_log_in_are_data(guarded: Server) -> None:
    """A path may contain everything."""
    target = "/</script><script>alert(1)</script>?ü=日"

    page = page_of(guarded, str(httpx2.URL("/login", params={"next": target})))

    assert "<script>alert" not in page.text
    quoted = "/%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E?%C3%BC=%E6%97%A5"
    assert data_of(page)["next"] == quoted


def test_programs_get_no_pages(server: Server) -> None:
    """The API of a server does not depend on its gallery."""
    for path in (IMAGE, *OWN, "/login", "/setup"):
        assert_problem(server.client.get(path), 404, "not_found")
    assert server.client.get("/").json() == {"status": "ok"}


def test_without_a_gallery_browsers_get_the_page_of_the_api(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The setting `gallery` switches it off."""
    server = Server(
        tmp_path_factory.mktemp("none") / "data", gallery=False, base_path="/media"
    ).start()
    try:
        for path in ("/", "/media/"):
            answer = server.client.get(path, headers=HTML)
            assert (answer.status_code, answer.headers["location"]) == (303, "/media/api/v1/docs")
            assert "accept" in answer.headers["vary"].lower()
        for path in (IMAGE, *OWN, "/login"):
            assert_problem(server.client.get(path, headers=HTML), 404, "not_found")
        for path in ("/manifest.webmanifest", "/service-worker.js"):  # nor is it installed
            assert_problem(server.client.get(path), 404, "not_found")
        assert_problem(server.client.post("/share-target"), 404, "not_found")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"accept-language": "de-AT,de;q=0.9,en;q=0.8"}, "de"),
        ({"accept-language": "fr, en;q=0.2, de;q=0.1"}, "en"),
        ({"accept-language": "de", "cookie": "imagesvc_language=en"}, "en"),
        ({"accept-language": "de", "cookie": 'imagesvc_language="><script>'}, "de"),
    ],
)
def test_a_page_has_the_language_of_its_reader(
    server: Server, headers: dict[str, str], language: str
) -> None:
    """The reader's own choice is stronger than that of the browser."""
    page = page_of(server, **headers)

    assert f'<html lang="{language}"' in page.text
    assert ("Zum Inhalt" in page.text) == (language == "de")
    assert data_of(page)["language"] == language


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ('"><b>', "auto"), ("", "auto")])
def test_a_page_has_the_theme_of_its_reader(server: Server, cookie: str, theme: str) -> None:
    """Without a flash of another one: the server writes it into the page."""
    page = page_of(server, cookie=f"imagesvc_theme={cookie}")

    assert f'data-theme="{theme}"' in page.text


def test_the_wheel_has_the_files_of_the_gallery(tmp_path: Path) -> None:
    """Templates, texts, scripts, and vendored libraries with their licences."""
    root = Path(__file__).parent.parent.parent
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, root],
        check=True, capture_output=True,
    )  # fmt: skip

    (wheel,) = tmp_path.glob("*.whl")
    names = set(ZipFile(wheel).namelist())
    web = root / "imagesvc" / "web"
    files = {
        path.relative_to(root).as_posix()
        for folder in ("templates", "texts", "static")
        for path in (web / folder).rglob("*")
        if path.is_file()
    }
    assert len(files) > 20
    assert files - names == set()
