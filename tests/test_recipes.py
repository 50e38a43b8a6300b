"""The recipes of docs/recipes.md are run as they are written."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from imagesvc.settings.settings import Settings
from tests import recipes
from tests.accounts import Account, client_of
from tests.breadth import represented
from tests.http.asking import picture
from tests.server import Server, request_once
from tests.waiting import PATIENCE

ORIGIN = "https://app.example"
AVIF = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"
"""The Accept field of a browser for an `<img>`."""


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


WIDTH, HEIGHT = 1800, 1200


def upload(owner: Account, visibility: str) -> str:
    """The id of a new image."""
    answer = owner.client.post(
        "/api/v1/images", content=picture(1, (WIDTH, HEIGHT)), params={"visibility": visibility}
    )
    assert answer.status_code == 201, answer.text
    image_id: str = answer.json()["id"]
    return image_id


@pytest.fixture(scope="module")
def image_id(admin: Account) -> str:
    """An image that every page may show."""
    return upload(admin, "unlisted")


def seen(url: str) -> Image.Image:
    """The image that a browser shows in an `<img>` of a page of another site."""
    fields = {"origin": ORIGIN, "sec-fetch-site": "cross-site", "accept": AVIF}
    answer = request_once("GET", url, headers=fields)
    assert answer.status_code == 200, (url, answer.text)
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    return Image.open(io.BytesIO(answer.content))


class Sources(HTMLParser):
    """The pictures in a piece of HTML: URL, descriptor, and the expected type."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read `src` and `srcset`."""
        said = {name: value or "" for name, value in attrs}
        for candidate in [said.get("src", ""), *said.get("srcset", "").split(",")]:
            if candidate.strip():
                url, *descriptor = candidate.split()
                self.found.append((url, "".join(descriptor), said.get("type", "")))


def test_a_program_gets_a_key_that_may_do_one_thing(guarded: Server) -> None:
    """The key is made by the command of the page."""
    command = re.findall(r"^imagesvc (key add .+) --data-dir \S+$", recipes.PAGE, re.MULTILINE)[0]
    picture_file = {"file": ("a.jpg", picture(8))}

    key = guarded.cli(*shlex.split(command)).stdout.split()[-1]

    client = client_of(guarded, key)
    assert client.post("/api/v1/images", files=picture_file).status_code == 201
    assert client.get("/api/v1/images").status_code == 403


def test_the_settings_for_a_proxy_are_valid() -> None:
    """The file is copied unchanged."""
    settings = Settings(**tomllib.loads(recipes.files()["imagesvc.toml"]))

    assert settings.public_url == recipes.SERVICE


@pytest.mark.parametrize("heading", represented(["srcset", "picture"], "picture"))
def test_a_page_of_another_site_shows_each_picture(
    guarded: Server, image_id: str, heading: str
) -> None:
    """The picture has the width and the format of the HTML."""
    (html,) = recipes.blocks(heading, "html")

    named = Sources(recipes.filled(html, url=url_of(guarded), image_id=image_id)).found

    assert len(named) >= 4
    for url, descriptor, kind in named:
        shown = seen(url)
        if kind:
            assert Image.MIME[shown.format or ""] == kind
        if descriptor.endswith("w"):
            assert f"{shown.width}w" == descriptor
    assert {image_id} == {url.partition("/images/")[2][:36] for url, _d, _k in named}


def test_a_private_image_has_a_srcset_of_signed_urls(
    guarded: Server, admin: Account, tmp_path: Path
) -> None:
    """The program prints the HTML of a page, and visitors need no key."""
    image_id = upload(admin, "private")
    program = tmp_path / "srcset.py"
    text = recipes.files()[program.name]
    program.write_text(recipes.filled(text, url=url_of(guarded), key=admin.key, image_id=image_id))

    printed = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout

    candidates = [candidate.split(" ") for candidate in printed.strip().split(", ")]
    assert [f"{seen(url).width}w" for url, _width in candidates] == ["400w", "800w"]
    assert [width for _url, width in candidates] == ["400w", "800w"]
    unsigned = candidates[0][0].partition("?")[0]
    assert request_once("GET", unsigned).status_code == 404


@pytest.mark.parametrize("language", ["markdown", "bbcode"])
def test_links_for_posts_lead_to_pictures(guarded: Server, image_id: str, language: str) -> None:
    """The links are a thumbnail, a preview and the whole picture."""
    (text,) = recipes.blocks("Markdown and BBCode", language)

    urls = re.findall(
        r"http[^\s\])\[]+", recipes.filled(text, url=url_of(guarded), image_id=image_id)
    )

    widths = [seen(url).width for url in urls]
    assert widths == ([720, 256, WIDTH] if language == "markdown" else [WIDTH, 720])


def test_an_extension_behind_id_and_preset_is_jpeg(guarded: Server, image_id: str) -> None:
    """Some forums accept no link without an extension."""
    paths = re.findall(r"`(/images/ID\S*\.jpg)`", recipes.PAGE)

    shown = [seen(f"{url_of(guarded)}{path.replace('ID', image_id)}") for path in paths]

    assert [one.format for one in shown] == ["JPEG", "JPEG"]


def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: apt-get install npm")
    return program


def test_the_loader_of_next_gives_urls_that_work(
    guarded: Server, admin: Account, image_id: str, tmp_path: Path
) -> None:
    """This holds for every width of Next.js, with `urls.original` as `src`."""
    original = admin.client.get(f"/api/v1/images/{image_id}").json()["urls"]["original"]
    loader = recipes.filled(recipes.files()["image-loader.js"], url=url_of(guarded))
    (tmp_path / "image-loader.mjs").write_text(loader)
    asked = [
        {"src": original, "width": 640}, {"src": original, "width": 3840, "quality": 75},
        {"src": f"{url_of(guarded)}{original}/preview", "width": 96, "quality": 50},
    ]  # fmt: skip
    program = (
        "import loader from './image-loader.mjs';"
        f"console.log(JSON.stringify({json.dumps(asked)}.map(loader)))"
    )

    printed = subprocess.run(
        [node(), "--input-type=module", "--eval", program], cwd=tmp_path,
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    ).stdout  # fmt: skip

    shown = [seen(url) for url in json.loads(printed)]
    assert [one.width for one in shown] == [640, WIDTH, 96]
    assert [one.format for one in shown] == ["AVIF", "WEBP", "AVIF"]


def test_one_line_of_curl_prints_the_url_of_the_picture(
    guarded: Server, admin: Account, tmp_path: Path
) -> None:
    """The command is run unchanged."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "photo.jpg").write_bytes(picture(6, (1200, 800)))
    (line,) = recipes.blocks("curl and PowerShell", "sh")

    printed = subprocess.run(
        ["bash", "-c", recipes.filled(line, url=url_of(guarded), key=admin.key)], cwd=tmp_path,
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    ).stdout  # fmt: skip

    assert seen(printed.strip()).width == 720


def as_sharex(uploader: dict[str, Any], filename: str, content: bytes) -> httpx2.Response:
    """Send the request of ShareX for a custom uploader: arguments first, then the file."""
    boundary = "-" * 20 + "8dd1c0e1b2a3f40"
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in uploader["Arguments"].items()
    )
    head = (
        f"{fields}--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{uploader["FileFormName"]}"; filename="{filename}"'
        "\r\nContent-Type: image/png\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    kind = {
        "user-agent": "ShareX/15.0.0",
        "content-type": f"multipart/form-data; boundary={boundary}",
    }
    return request_once(
        uploader["RequestMethod"], uploader["RequestURL"], content=body,
        headers={**uploader["Headers"], **kind},
    )  # fmt: skip


def parsed(syntax: str, answer: httpx2.Response) -> str:
    """A text with `{json:…}` in it, as ShareX reads it."""

    def member(match: re.Match[str]) -> str:
        value = answer.json()
        for name in match[1].split("."):
            value = value[name]
        return str(value)

    return re.sub(r"\{json:([\w.]+)\}", member, syntax)


def test_sharex_uploads_and_finds_the_urls(guarded: Server, admin: Account) -> None:
    """The screenshot has a non-ASCII name; the uploader is read from the file."""
    (text,) = recipes.blocks("ShareX", "json")
    uploader = json.loads(recipes.filled(text, url=url_of(guarded), key=admin.key))

    taken = as_sharex(uploader, "Größe 1.png", picture(7, (800, 600), "PNG"))
    refused = as_sharex(uploader, "note.png", b"just text")

    assert taken.status_code == 201, taken.text
    assert (taken.json()["filename"], taken.json()["visibility"]) == ("Größe 1.png", "unlisted")
    assert seen(parsed(uploader["URL"], taken)).size == (800, 600)
    assert max(seen(parsed(uploader["ThumbnailURL"], taken)).size) == 256
    assert refused.status_code == 415
    assert "Not an image" in parsed(uploader["ErrorMessage"], refused)
