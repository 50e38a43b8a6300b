"""A reverse proxy on the same machine does not make its visitors admins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, admin_of
from tests.http.asking import assert_problem, picture
from tests.proxies import PLAIN, haproxy, nginx
from tests.server import Server, request_once
from tests.waiting import PATIENCE

PUBLIC = {"visibility": "public"}


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the default settings."""
    place = tmp_path_factory.mktemp("default") / "data"
    server = Server(place, auth=None, workers=1).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def stranger(default: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of an nginx that forwards every request, without another directive."""
    place = tmp_path_factory.mktemp("nginx")
    with (
        nginx(place, default.port, PLAIN) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def owner(default: Server) -> Account:
    """The admin, who has the printed key."""
    return admin_of(default)


def test_a_plain_proxy_makes_no_visitor_an_admin(stranger: httpx2.Client, owner: Account) -> None:
    """By default nginx sends its own Host and no forwarding field."""
    files = {"file": ("a.jpg", picture())}
    image = owner.client.post("/api/v1/images", files=files, data=PUBLIC).json()
    path = f"/api/v1/images/{image['id']}"

    answers = [
        stranger.post("/api/v1/images", files=files),
        stranger.post("/images", content=picture()),
        stranger.delete(path),
        stranger.patch(path, json={"title": "taken"}),
        stranger.get("/api/v1/images"),
        stranger.get("/api/v1/users/me"),
        stranger.get("/metrics"),
    ]

    for answer in answers:
        assert_problem(answer, 401, "unauthorized")
    assert owner.client.get(path).json()["title"] == image["title"]
    assert stranger.get(f"/images/{image['id']}").status_code == 200


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts."""
    server = Server(tmp_path_factory.mktemp("open") / "data", auth="off", workers=1).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def image(open_server: Server) -> dict[str, Any]:
    """A public image with a variant that memory answers."""
    uploaded = open_server.upload(picture(1), visibility="public")
    open_server.finished(uploaded["job"]["id"])
    for _ in range(3):
        assert open_server.client.get(f"/images/{uploaded['id']}?w=20").status_code == 200
    return uploaded


SIGNS = [
    ("Forwarded", "for=192.0.2.1"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "localhost"),
    ("X-Forwarded-Prefix", "/images"),
    ("Via", "1.1 varnish"),
    ("X-Real-IP", "127.0.0.1"),
    ("CF-Connecting-IP", "192.0.2.1"),
    ("CF-Ray", "1"),
    ("True-Client-IP", "192.0.2.1"),
    ("X-Original-Host", "images.example"),
    ("X-Original-URL", "/"),
    ("X-Client-IP", "192.0.2.1"),
    ("X-Amzn-Trace-Id", "Root=1"),  # all that is left of a load balancer that removes the others
    ("X-Envoy-Expected-Rq-Timeout-Ms", "15000"),
    ("X-ARR-LOG-ID", "1"),
    ("X-Azure-Ref", "1"),
    ("X-Varnish", "1"),
    ("X-Sucuri-ClientIP", "192.0.2.1"),
    ("Incap-Client-IP", "192.0.2.1"),
    ("Tailscale-User-Login", "ada@example.com"),
    ("X_Forwarded_For", "192.0.2.1"),  # as some gateways and CGI-like servers spell it
    ("CF_Connecting_IP", "192.0.2.1"),
    ("X_Real-IP", "192.0.2.1"),
    ("X-NF-Client-Connection-IP", "192.0.2.1"),
    ("X-Vercel-Forwarded-For", "192.0.2.1"),
    ("DO-Connecting-IP", "192.0.2.1"),
    ("CloudFront-Viewer-Address", "192.0.2.1:1"),
    ("X-Amz-Cf-Id", "1"),
    ("X-Cloud-Trace-Context", "1/1"),
    ("X-AppEngine-Country", "DE"),
    ("Fly-Region", "fra"),
    ("Fastly-FF", "1"),
    ("Akamai-Origin-Hop", "1"),
    ("X-Akamai-Edgescape", "1"),
    ("X-ProxyUser-IP", "192.0.2.1"),
    ("X-Nginx-Proxy", "true"),
    ("X-Real-Port", "1"),
    ("X-Request-Start", "t=1"),
    ("Remote-User", "ada"),
    ("X-Auth-Request-User", "ada"),
    ("X-Goog-IAP-JWT-Assertion", "e30"),
    ("X-MS-Client-Principal", "e30"),
    ("X-Pomerium-JWT-Assertion", "e30"),
    ("Ngrok-Trace-Id", "1"),
    ("Host", "images.example"),
    ("Host", "192.0.2.1:8000"),
]


@pytest.mark.parametrize(("name", "value"), SIGNS)
def test_without_accounts_requests_through_a_proxy_are_refused(
    open_server: Server, image: dict[str, Any], name: str, value: str
) -> None:
    """This holds on every route, for memory hits, and without a route."""
    ask, fields = open_server.client, {name: value}
    files = {"file": ("a.jpg", picture(2))}
    known = f"/api/v1/images/{image['id']}"

    answers = [
        ask.get(f"/images/{image['id']}?w=20", headers=fields),
        ask.get(f"/images/{image['id']}?w=20", headers=fields | {"If-None-Match": "*"}),
        ask.head(f"/images/{image['id']}?w=20", headers=fields),
        ask.get(f"/images/{image['id']}", headers=fields),
        ask.post("/images", files=files, headers=fields),
        ask.put("/api/v1/uploads/none", content=b"", headers=fields),
        ask.delete(known, headers=fields),
        ask.get("/api/v1/users/me", headers=fields),
        ask.get("/readyz", headers=fields),
        ask.get("/metrics", headers=fields),
        ask.get("/", headers=fields),
        ask.get("/nothing", headers=fields),
    ]

    assert {answer.status_code for answer in answers} == {403}
    for answer in answers:
        if answer.request.method != "HEAD":
            assert "IMAGESVC_AUTH=required" in assert_problem(answer, 403, "forbidden")["detail"]
    assert ask.get(known).status_code == 200
    assert ask.get("/healthz", headers=fields).status_code == 200


@pytest.mark.parametrize(
    "directives",
    [
        "proxy_set_header Host $host;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ],
)
def test_without_accounts_a_usual_proxy_shows_what_to_set(
    open_server: Server, image: dict[str, Any], tmp_path: Path, directives: str
) -> None:
    """Each of the usual directives alone is enough to detect the proxy."""
    with nginx(tmp_path, open_server.port, f"{PLAIN} {directives}") as port:
        url = f"http://127.0.0.1:{port}"
        for path in (f"/images/{image['id']}?w=20", "/api/v1/users/me"):
            answer = request_once("GET", url + path, headers={"host": "images.example"})
            assert "IMAGESVC_AUTH=required" in assert_problem(answer, 403, "forbidden")["detail"]


def test_without_accounts_a_proxy_that_passes_the_host_on_is_refused(
    open_server: Server, image: dict[str, Any], tmp_path: Path
) -> None:
    """HAProxy adds no field by default, and sends the visitor's Host."""
    with haproxy(tmp_path, open_server.port) as port:
        for path in (f"/images/{image['id']}?w=20", "/api/v1/users/me"):
            answer = request_once(
                "GET",
                f"http://127.0.0.1:{port}{path}",
                headers={"host": "images.example"},
            )
            assert_problem(answer, 403, "forbidden")


def test_every_start_without_accounts_warns(open_server: Server) -> None:
    """The log, where an operator looks, has a warning."""
    assert '"action":"auth.off"' in open_server.log()
