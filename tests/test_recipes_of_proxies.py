"""The proxies of docs/recipes.md in front of a real server, if they are installed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from tests import recipes
from tests.accounts import Account, admin_of
from tests.breadth import represented
from tests.http.asking import noise, picture
from tests.proxies import caddy, nginx
from tests.server import Server, new_client, request_once

ABOVE_1_MB = (1600, 1200)
FORGED = {
    "forwarded": "for=203.0.113.9;host=evil.example", "x-forwarded-for": "203.0.113.9",
    "x-forwarded-prefix": "/evil",
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts the proxy in front of it."""
    server = Server(
        tmp_path_factory.mktemp("service") / "data", auth="required", rate_limits="off", workers=1,
        trusted_proxies='["127.0.0.1/32"]',
    )  # fmt: skip
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def owner(service: Server) -> Account:
    """Its admin."""
    return admin_of(service)


def directives(heading: str, number: int = 0) -> str:
    """A block of nginx for `proxies.nginx`, which formats it."""
    text = recipes.blocks(heading, "nginx")[number]
    return text.replace("{", "{{").replace("}", "}}").replace(":8000", ":{backend}")


def site(number: int, server: Server) -> str:
    """A site of Caddy without TLS."""
    text = recipes.blocks("Caddy", "caddy")[number]
    _host, _space, rest = text.partition(" ")
    return "http://127.0.0.1:{port} " + rest.replace(":8000", f":{server.port}")


def use_through(port: int, prefix: str, owner: Account) -> None:
    """Upload more than 1 MB, follow the URLs of responses, and get events, with forged fields."""
    base = f"http://127.0.0.1:{port}"
    with new_client(base_url=base) as client:
        client.headers.update({"authorization": f"Bearer {owner.key}", **FORGED})
        content = noise(ABOVE_1_MB)
        assert len(content) > 2**20
        made = client.post(f"{prefix}/api/v1/images", files={"file": ("a.jpg", content)})
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"{base}{prefix}/api/v1/images/{made.json()['id']}"
        urls = made.json()["urls"]
        assert urls["original"] == f"{prefix}/images/{made.json()['id']}"
        for url in (urls["original"], urls["thumbnail"], f"{prefix}/api/v1/docs"):
            assert client.get(url).status_code == 200, url
        with client.stream(
            "GET", f"{prefix}/api/v1/events", headers={"last-event-id": "0"}
        ) as stream:
            assert next(line for line in stream.iter_lines() if line.startswith("event: "))


def test_nginx_below_a_path(service: Server, owner: Account, tmp_path: Path) -> None:
    """The site has its own pictures, too."""
    others = "client_max_body_size 1m; location ~ \\.(jpg|png)$ {{ return 410; }}\n"

    with nginx(tmp_path, service.port, others + directives("nginx")) as port:
        use_through(port, "/media", owner)
        image_id = owner.client.post("/images", content=picture(1)).json()["id"]
        shown = request_once(
            "GET", f"http://127.0.0.1:{port}/media/images/{image_id}.jpg",
            headers={"authorization": f"Bearer {owner.key}"},
        )  # fmt: skip

    assert shown.status_code == 200
    assert "203.0.113.9" not in service.log()


@pytest.mark.parametrize(("number", "prefix"), represented([(0, ""), (1, "/media")], (1, "/media")))
def test_caddy_on_a_host_and_below_a_path(
    service: Server, owner: Account, tmp_path: Path, number: int, prefix: str
) -> None:
    """Uploads of any size and events pass, and clients cannot influence responses."""
    with caddy(tmp_path, site(number, service)) as port:
        use_through(port, prefix, owner)

    assert "203.0.113.9" not in service.log()


@pytest.mark.parametrize(
    ("link", "kind", "size"),
    [
        (".jpeg?format=webp&thumbnail=256", "WEBP", (256, 171)),
        (".jpeg?thumbnail=96&format=jpg", "JPEG", (96, 64)),
        (".PNG?format=avif", "AVIF", (1200, 800)),
        (".jpeg?thumbnail=10_000", "PNG", (1200, 800)),
        (".jpeg?format=jxl&thumbnail=96", "PNG", (96, 64)),
        ("", "PNG", (1200, 800)),
    ],
)
def test_links_of_lemmy(
    service: Server,
    owner: Account,
    lemmy: httpx2.Client,
    link: str,
    kind: str,
    size: tuple[int, int],
) -> None:
    """The links are those of its pages and applications."""
    image_id = owner.client.post(
        "/images", content=picture(2, (1200, 800), "PNG"), params={"visibility": "unlisted"}
    ).json()["id"]

    answer = lemmy.get(f"/pictrs/image/{image_id}{link}")

    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == (kind, size)


@pytest.fixture(scope="module")
def lemmy(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of the instance."""
    maps, location = recipes.blocks("Links of Lemmy", "nginx")[0], directives("Links of Lemmy", 1)
    folder = tmp_path_factory.mktemp("lemmy")
    with (
        nginx(folder, service.port, location, maps=maps) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client
