"""Image URLs that other programs changed: parameters, extensions and slashes at the end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from PIL import Image

from imagesvc.auth.signing import Signer
from imagesvc.syntax.appended import Appended
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint


@pytest.fixture(scope="module")
def image(server: Server) -> dict[str, Any]:
    """A PNG whose job is done."""
    uploaded = server.upload(picture(1, kind="PNG"), "beach.png")
    server.finished(uploaded["job"]["id"])
    return uploaded


APPENDED = [
    "utm_source=a&utm_medium=b&utm_campaign=c", "fbclid=IwAR0", "gclid=x", "v=2", "_=1732600000",
    "utm_x=%FF%zz", "%75tm_source=a", "v=1&v=2", "fbclid",
    "&".join(f"utm_{number}=1" for number in range(99)),
]  # fmt: skip


@pytest.mark.parametrize("query", APPENDED)
def test_appended_parameters_change_nothing(
    server: Server, image: dict[str, Any], query: str
) -> None:
    """Originals, presets and transforms are the same as without them."""
    urls = image["urls"]

    for url in (urls["original"], urls["preview"], urls["blurred"], f"{urls['original']}?w=40"):
        plain = server.client.get(url)
        appended = server.client.get(f"{url}{'&' if '?' in url else '?'}{query}")
        assert appended.status_code == 200, appended.text
        assert appended.headers["etag"] == plain.headers["etag"]
        assert appended.content == plain.content


def test_appended_parameters_do_not_split_the_cache(server: Server, image: dict[str, Any]) -> None:
    """Every campaign's link to a picture is answered from memory."""
    url = f"{image['urls']['original']}?w=41"
    server.client.get(url)

    tiers = {
        server.client.get(f"{url}&utm_source={number}&_={number}").headers["server-timing"]
        for number in range(40)
    }

    assert tiers == {"cache;desc=memory"}


def test_other_parameters_are_refused_still(server: Server, image: dict[str, Any]) -> None:
    """A typing error must not show another picture."""
    for query in ("widht=4", "utm=1", "vv=1"):
        answer = server.client.get(f"{image['urls']['original']}?{query}")
        assert_problem(answer, 400, "invalid_transform")


def test_the_setting_names_them(make_server: MakeServer) -> None:
    """The setting replaces the list, except for `v`.

    Parameters with a meaning are never ignored.
    """
    server = make_server(ignored_parameters='["cb", "w", "s*"]')
    url = server.upload(picture(2))["urls"]["original"]

    assert server.client.get(f"{url}?cb=7&session=1").status_code == 200
    assert server.client.get(f"{url}?utm_source=7").status_code == 400
    assert server.client.get(f"{url}?v=7").status_code == 200
    assert Image.open(io.BytesIO(server.client.get(f"{url}?w=40").content)).width == 40
    assert server.client.get(f"{url}?sharpen=x").status_code == 400


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where transforms must be signed."""
    place = tmp_path_factory.mktemp("signing") / "data"
    server = Server(place, transform_policy="signed", signing_keys='{"k": "secret"}').start()
    yield server
    server.close()


def test_appended_parameters_are_not_signed(signing: Server) -> None:
    """They may be added and removed on the way; all others are signed."""
    path = signing.upload(picture(3))["urls"]["original"]
    signer = Signer({"k": b"secret"}, Appended(["v"]))
    with_v = urlencode(signer.sign(path, [("v", "1"), ("w", "40")]))
    without = urlencode(signer.sign(path, [("w", "40")]))

    assert with_v.rpartition("sig=")[2] == without.rpartition("sig=")[2]
    for query in (with_v, without, f"{without}&v=2&fbclid=x", f"utm_source=a&{without}"):
        assert signing.client.get(f"{path}?{query}").status_code == 200
    assert signing.client.get(f"{path}?{without}&h=40").status_code == 403


@pytest.mark.parametrize(
    ("extension", "kind"),
    [("jpg", "JPEG"), ("JPEG", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("gif", "GIF")],
)
def test_an_extension_selects_a_format(
    server: Server, image: dict[str, Any], extension: str, kind: str
) -> None:
    """It works after an id and after the name of a preset, like `format`."""
    for url in (image["urls"]["original"], image["urls"]["preview"], image["urls"]["blurred"]):
        answer = server.client.get(f"{url}.{extension}")
        assert Image.open(io.BytesIO(answer.content)).format == kind
        query = f"{url}?format={kind.lower()}"
        assert server.client.get(query).headers["etag"] == answer.headers["etag"]


def test_an_extension_goes_with_other_parameters(server: Server, image: dict[str, Any]) -> None:
    """A second format is an error, and an unknown extension is not found."""
    url = image["urls"]["original"]

    assert Image.open(io.BytesIO(server.client.get(f"{url}.jpg?w=40").content)).width == 40
    assert server.client.get(f"{url}.jpg?format=webp").status_code == 400
    for path in (f"{url}.heic", f"{url}.exe", f"{url}.", f"{url}.jpg.png", "/images/.jpg"):
        assert_problem(server.client.get(path), 404, "not_found")
    assert server.client.get(f"/api/v1{url}.jpg").status_code == 404


def test_an_extension_is_a_transform_for_the_policy(signing: Server) -> None:
    """A stranger must not make variants that need a signature."""
    path = signing.upload(picture(4))["urls"]["original"]

    assert signing.client.get(f"{path}.webp").status_code == 403


@pytest.mark.parametrize("path", ["/images/{}/", "/images/{}/preview/", "/api/v1/images/{}/"])
def test_a_slash_too_many_leads_within_the_site(
    server: Server, image: dict[str, Any], path: str
) -> None:
    """The target is relative to the requested URL, regardless of Host and the prefix of a proxy."""
    path = path.format(image["id"])

    answer = server.client.get(f"{path}?v=1", headers={"host": "localhost"})

    assert answer.status_code == 308
    location = answer.headers["location"]
    assert location.startswith("../")
    assert urljoin(f"https://a.example/media{path}?x", location) == (
        f"https://a.example/media{path[:-1]}?v=1"
    )


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/", "//evil.example/images/", "/%2Fevil.example/", "/%5Cevil.example/",
        "/\\evil.example/", "/x/%0d%0aSet-Cookie:a=b/", "/https:evil.example/", "/?/", "/..//",
        "/images/../..//evil.example/", "/%2e%2e/", "/x/?//evil.example/",
    ],
)  # fmt: skip
def test_a_slash_too_many_leads_to_no_other_site(server: Server, target: str) -> None:
    """It also does not split the response."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"

    answer = send_raw(server, head.encode())

    assert answer is not None
    assert answer.all("set-cookie") == []
    for location in answer.all("location"):
        assert urljoin("http://localhost/a/b/", location).startswith("http://localhost/")
        assert urljoin(f"http://localhost{target}", location).startswith("http://localhost/")


def test_other_methods_are_served_at_a_slash_too_many(server: Server) -> None:
    """Clients do not send a body twice."""
    answer = server.client.post("/api/v1/images/", content=picture(5))
    path = f"/api/v1/images/{answer.json()['id']}/"

    assert answer.status_code == 201
    assert server.client.patch(path, json={"title": "T"}).json()["title"] == "T"
    assert server.client.delete(path).status_code == 204
