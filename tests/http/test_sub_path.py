"""The service below a path of a site, behind real proxies: every URL in responses works."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest

from tests import commands, databases
from tests.accounts import admin_of
from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.proxies import nginx
from tests.receiver import Receiver
from tests.server import Server, new_client
from tests.waiting import PATIENCE, until

FIELDS = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Forwarded "";
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Proto $scheme;
"""
REPORTING = """
location /stripped/ {{
  FIELDS
  proxy_set_header X-Forwarded-Prefix /stripped;
  proxy_pass http://127.0.0.1:{backend}/;
}}
location /deep/kept/ {{
  FIELDS
  proxy_set_header X-Forwarded-Prefix /deep/kept/;
  proxy_pass http://127.0.0.1:{backend};
}}
location /said-by-clients/ {{
  FIELDS
  proxy_pass http://127.0.0.1:{backend}/;
}}
""".replace("FIELDS", FIELDS)
SILENT = """
location /media/ {{ proxy_set_header Host $host; proxy_pass http://127.0.0.1:{backend}; }}
location /images/ {{ proxy_set_header Host $host; proxy_pass http://127.0.0.1:{backend}; }}
"""
SILENT_AND_STRIPPING = """
location /media/ {{ proxy_set_header Host $host; proxy_pass http://127.0.0.1:{backend}/; }}
location /images/ {{ proxy_set_header Host $host; proxy_pass http://127.0.0.1:{backend}/; }}
"""
HOSTILE = (
    "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil",
    "/a/../b", "/..", "/%0d%0aset-cookie:a=b", "/a?b", "/a#b", "/a b", '/"><script>',
    "/" + 256 * "a", "/ok//evil.example", "/a,//evil.example", "/é",
)  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts the proxy in front of it."""
    place = tmp_path_factory.mktemp("reported") / "data"
    server = Server(
        place, auth="required", trusted_proxies='["127.0.0.1/32"]', rate_limits="off", workers=1
    ).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def front(reported: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The admin, whose requests come through that proxy."""
    with _behind(reported, REPORTING, tmp_path_factory.mktemp("nginx")) as client:
        client.headers["authorization"] = f"Bearer {admin_of(reported).key}"
        yield client


@contextlib.contextmanager
def _behind(server: Server, directives: str, folder: Path) -> Iterator[httpx2.Client]:
    with (
        nginx(folder, server.port, directives) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def given_urls(client: httpx2.Client, prefix: str, seed: int) -> dict[str, str]:
    """Request everything that contains URLs; returns these URLs, each followed, by their place."""
    api = f"{prefix}/api/v1"
    created = client.post(
        f"{api}/images", files={"file": ("a.jpg", picture(seed))}, data={"visibility": "public"}
    )
    assert created.status_code == 201, created.text
    image = created.json()
    client.post(f"{api}/images", files={"file": ("b.jpg", picture(seed + 1))})
    urls = {"Location": created.headers["location"]}
    named = image["urls"] | image["urls"].pop("presets")
    urls |= {f"urls.{name}": url for name, url in named.items()}
    listed = client.get(f"{api}/images", params={"limit": 1})
    urls["Link"] = re.fullmatch('<(.+)>; rel="next"', listed.headers["link"])[1]  # type: ignore[index]
    urls["list"] = listed.json()["data"][0]["urls"]["original"]
    job = f"{api}/jobs/{image['job']['id']}"
    until(lambda: client.get(job).json()["status"] == "succeeded")
    urls["job"] = client.get(job).json()["operations"][0]["url"]
    urls["variant"] = client.get(f"{api}/images/{image['id']}/variants").json()["data"][0]["url"]
    signed = client.post(
        f"{api}/images/{image['id']}/signed-urls", json={"operations": ["thumbnail"]}
    )
    urls["signed"] = signed.json()["data"][0]["url"]
    collection = client.post(f"{api}/collections", json={"title": "c"})
    urls["collection"] = collection.headers["location"]
    urls["collection.links"] = collection.json()["links"]["images"]
    urls |= _presigned(client, api, seed)
    urls |= _of_documentation(client, api)
    urls["form"] = _form(client, api, seed)
    for place, url in urls.items():
        answer = client.get(url)
        assert answer.status_code == 200, (place, url, answer.text)
    urls["slash"] = urljoin(f"{job}/", client.get(f"{job}/").headers["location"])
    return urls


def _presigned(client: httpx2.Client, api: str, seed: int) -> dict[str, str]:
    slot = client.get(f"{api}/images/actions/upload-url").json()
    answer = httpx2.put(
        str(client.base_url.join(slot["url"])), content=picture(seed + 2), timeout=PATIENCE
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["sha256"]}"'
    assert slot["url"].partition("/uploads/")[0] == answer.headers["location"].partition("/api/")[0]
    return {"presigned": answer.headers["location"]}


def _form(client: httpx2.Client, api: str, seed: int) -> str:
    """The redirect of a browser that sent a plain form."""
    answer = client.post(
        f"{api}/images", files={"file": ("a.jpg", picture(seed + 3))},
        headers={"accept": "text/html,*/*;q=0.8"},
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _of_documentation(client: httpx2.Client, api: str) -> dict[str, str]:
    page = client.get(f"{api}/docs")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    urls = {source: urljoin(f"{api}/docs", source) for source in sources if ":" not in source}
    document = client.get(urls["openapi.json"]).json()
    (server,) = document["servers"]
    urls["servers"] = f"{server['url'].rstrip('/')}/healthz"
    flow = document["components"]["securitySchemes"]["password"]["flows"]["password"]
    for name in ("tokenUrl", "refreshUrl"):
        answer = client.post(flow[name], data={"grant_type": "password", "username": "a"})
        assert answer.status_code == 400, (flow[name], answer.text)
    script = client.get(urls["docs/page.js"]).text
    urls["docs.js"] = urljoin(f"{api}/docs", re.search(r'url: "([^"]+)"', script)[1])  # type: ignore[index]
    return urls


@pytest.mark.breadth
@pytest.mark.parametrize(("prefix", "seed"), [("/stripped", 10), ("/deep/kept", 20)])
def test_a_trusted_proxy_sets_the_prefix(front: httpx2.Client, prefix: str, seed: int) -> None:
    """The proxy may remove the prefix from the path or keep it."""
    urls = given_urls(front, prefix, seed)

    for place, url in urls.items():
        assert url.removeprefix(str(front.base_url).rstrip("/")).startswith(f"{prefix}/"), place


def test_events_have_the_prefix_too(front: httpx2.Client) -> None:
    """Their URLs have the prefix of the stream's reader."""
    front.post("/stripped/api/v1/images", content=picture(31)).raise_for_status()
    headers = {"last-event-id": "0"}

    with front.stream("GET", "/stripped/api/v1/events", headers=headers) as stream:
        line = next(line for line in stream.iter_lines() if line.startswith('data: {"id'))

    url = json.loads(line.removeprefix("data: "))["data"]["url"]
    assert url.startswith("/stripped/api/v1/")


@pytest.mark.parametrize(
    "forged", represented(HOSTILE, "//evil.example", "/%0d%0aset-cookie:a=b", "/ok//evil.example")
)
def test_an_invalid_prefix_is_ignored(front: httpx2.Client, forged: str) -> None:
    """A proxy passes on fields that it does not set, so a client may have sent it."""
    headers = {b"x-forwarded-prefix": forged.encode(), b"accept": b"text/html,*/*;q=0.8"}
    place = "/said-by-clients/api/v1"

    document = front.get(f"{place}/openapi.json", headers=headers)
    form = front.post(
        f"{place}/images", files={"file": ("a.jpg", picture(32))}, headers=headers
    )  # fmt: skip
    page = front.get(f"{place}/docs", headers=headers)

    assert document.json()["servers"] == [{"url": "/"}]
    assert form.headers["location"].startswith("/images/")
    assert page.text == front.get(f"{place}/docs").text
    assert "set-cookie" not in form.headers


def test_caches_distinguish_documents_of_different_prefixes(front: httpx2.Client) -> None:
    """If a client can set the prefix, it must not affect other clients."""
    url = "/said-by-clients/api/v1/openapi.json"

    answers = [front.get(url, headers={"x-forwarded-prefix": text}) for text in ("/a", "/b")]

    assert [answer.json()["servers"][0]["url"] for answer in answers] == ["/a", "/b"]
    assert answers[0].headers["etag"] != answers[1].headers["etag"]
    for answer in answers:
        assert "x-forwarded-prefix" in answer.headers["vary"].split(", ")


def test_the_prefix_of_a_stranger_is_ignored(make_server: MakeServer) -> None:
    """Only networks in the settings are trusted."""
    server = make_server(auth="required", trusted_proxies='["192.0.2.0/24"]', workers=1)
    admin = admin_of(server).client
    headers = {"x-forwarded-prefix": "/forged"}

    image = admin.post("/api/v1/images", content=picture(), headers=headers)

    assert image.headers["location"].startswith("/api/v1/")
    assert image.json()["urls"]["original"].startswith("/images/")
    assert admin.get("/forged/healthz", headers=headers).status_code == 404


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows its path from the settings, without fields of a proxy."""
    server = Server(tmp_path_factory.mktemp("mounted") / "data", base_path="/media", workers=1)
    yield server.start()
    server.close()


@pytest.mark.parametrize(
    ("directives", "seed"),
    [
        pytest.param(SILENT, 40, id="keeps"),
        pytest.param(SILENT_AND_STRIPPING, 50, id="strips", marks=pytest.mark.breadth),
    ],
)
def test_the_base_path_is_that_of_every_url(
    mounted: Server, tmp_path: Path, directives: str, seed: int
) -> None:
    """Proxies without such fields also work, with any path that they send."""
    with _behind(mounted, directives, tmp_path) as client:
        urls = given_urls(client, "/media", seed)

        assert client.get("/media/").json() == {"status": "ok"}
        assert client.get("/media/mediaimages").status_code == 404
    for place, url in urls.items():
        assert url.startswith("/media/"), place


@pytest.fixture(scope="module")
def like_a_route(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose path is that of one of its routes."""
    server = Server(tmp_path_factory.mktemp("route") / "data", base_path="/images/", workers=1)
    yield server.start()
    server.close()


@pytest.mark.breadth
@pytest.mark.parametrize("directives", [SILENT, SILENT_AND_STRIPPING], ids=["keeps", "strips"])
def test_a_base_path_may_be_named_like_a_route(
    like_a_route: Server, tmp_path: Path, directives: str
) -> None:
    """`/images/ID` is then an image whose proxy removed the prefix."""
    with _behind(like_a_route, directives, tmp_path) as client:
        image = client.post("/images/api/v1/images", content=picture(60)).json()
        answers = [client.get(image["urls"][name]) for name in ("original", "thumbnail")]

    assert image["urls"]["original"] == f"/images/images/{image['id']}"
    assert [answer.status_code for answer in answers] == [200, 200]


def test_memory_answers_below_the_prefix(mounted: Server) -> None:
    """One variant has two URLs; both are answered from memory."""
    image = mounted.upload(picture(61))
    path = f"/images/{image['id']}?w=33"
    mounted.client.get(path).raise_for_status()

    answers = [mounted.client.get(f"{prefix}{path}") for prefix in ("/media", "", "/media")]

    for answer in answers:
        assert answer.headers["server-timing"] == "cache;desc=memory"
    assert mounted.client.delete(f"/media/api/v1/images/{image['id']}").status_code == 204
    assert mounted.client.get(f"/media{path}").status_code == 404


def test_a_signature_is_valid_with_and_without_the_prefix(mounted: Server) -> None:
    """The signature covers the path below the prefix, so that a service can be moved."""
    image = mounted.upload(picture(62))
    path = f"/images/{image['id']}"

    printed = [_signed(mounted, f"{prefix}{path}?w=40") for prefix in ("", "/media")]

    assert printed[0] == printed[1]
    assert printed[0].startswith(f"/media{path}?w=40&")
    for url in (printed[0], printed[0].removeprefix("/media")):
        assert mounted.client.get(url).status_code == 200
    assert mounted.client.get(printed[0].replace("w=40", "w=41")).status_code == 403


def _signed(server: Server, url: str) -> str:
    """The output of `imagesvc sign` with the settings of a server."""
    answer = commands.run(
        "sign", url, "--data-dir", str(server.data_dir), base_path=server.settings["base_path"],
        **databases.settings_of(server.data_dir),
    )  # fmt: skip
    return answer.stdout.strip()


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows its public URL."""
    server = Server(
        tmp_path_factory.mktemp("public") / "data", auth="required", rate_limits="off", workers=1,
        public_url="https://img.example/media/", webhook_allow='["127.0.0.1/32"]',
        trusted_proxies='["127.0.0.1/32"]',
    )  # fmt: skip
    yield server.start()
    server.close()


@pytest.mark.breadth
def test_the_public_url_makes_every_url_absolute(public: Server) -> None:
    """Proxies have no effect: clients cannot change the URLs."""
    admin = admin_of(public).client
    forged = "for=203.0.113.9;host=evil.example;proto=http"
    admin.headers.update({"forwarded": forged, "x-forwarded-prefix": "/evil"})
    image = admin.post("/media/api/v1/images", content=picture(70))
    admin.post("/api/v1/images", content=picture(71)).raise_for_status()
    slot = admin.get("/api/v1/images/actions/upload-url").json()
    page = admin.get("/api/v1/images?limit=1")
    document = admin.get("/api/v1/openapi.json").json()
    user = admin.post("/api/v1/users", json={"name": "ada", "password": "correct horse battery"})
    flow = document["components"]["securitySchemes"]["password"]["flows"]["password"]

    named = image.json()["urls"]
    urls = [
        image.headers["location"], *named.pop("presets").values(), *named.values(), slot["url"],
        page.headers["link"].lstrip("<"), document["servers"][0]["url"] + "/", flow["tokenUrl"],
        user.headers["location"],
    ]  # fmt: skip

    assert [url for url in urls if not url.startswith("https://img.example/media/")] == []
    path = slot["url"].removeprefix("https://img.example")
    del admin.headers["x-forwarded-prefix"]
    url = f"{public.client.base_url}{path}"
    assert httpx2.put(url, content=picture(72), timeout=PATIENCE).status_code == 201


def test_webhooks_have_absolute_urls(public: Server) -> None:
    """A receiver has no other way to know the URL of the service."""
    receiver, admin = Receiver(), admin_of(public).client
    hook = {"url": receiver.url("/absolute"), "event_types": ["image.created"]}
    try:
        admin.post("/api/v1/webhooks", json=hook).raise_for_status()
        image = admin.post("/api/v1/images", content=picture(73)).json()
        (_headers, body), *_rest = until(lambda: receiver.at("/absolute"))
    finally:
        receiver.close()

    data: dict[str, Any] = json.loads(body)["data"]
    assert data["url"] == f"https://img.example/media/api/v1/images/{image['id']}"
