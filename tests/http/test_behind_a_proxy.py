"""Features for a proxy in front, and the trust in its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts import Account, admin_of
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.proxies import haproxy, nginx
from tests.server import Server, new_client
from tests.waiting import until

DOCS = Path(__file__).parents[2] / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text()
SCALING = (DOCS / "scaling.md").read_text()


@pytest.mark.files
def test_nginx_sends_originals_itself(make_server: MakeServer) -> None:
    """The path is that of the internal location, and the file is not read by this process."""
    server = make_server(sendfile="x-accel-redirect")
    image = server.upload(picture())

    answer = server.client.get(f"/images/{image['id']}")

    digest = image["sha256"]
    place = f"/_imagesvc/blobs/{digest[:2]}/{digest[2:4]}/{digest}"
    assert answer.headers["x-accel-redirect"] == place
    assert answer.content == b""
    assert answer.headers["content-type"] == "image/jpeg"


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose answers say more than is needed to show a picture."""
    server = Server(
        tmp_path_factory.mktemp("telling") / "data",
        allow_debug=True, cache_tag_header="Cache-Tag", stale_while_revalidate="1d", max_age="1h",
    )  # fmt: skip
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes the proxies of this machine."""
    place = tmp_path_factory.mktemp("trusting") / "data"
    server = Server(place, trusted_proxies='["127.0.0.0/8"]', auth="required")
    yield server.start()
    server.close()


def test_an_answer_names_its_image_for_purging(telling: Server) -> None:
    """A CDN removes all variants of one image by this tag."""
    image = telling.upload(picture())

    answers = [telling.client.get(f"/images/{image['id']}?w=20") for _ in range(2)]

    for answer in answers:
        assert answer.headers["cache-tag"] == f"image-{image['id']}"
        assert "public, max-age=3600, immutable" in answer.headers["cache-control"]
        assert "stale-while-revalidate=86400" in answer.headers["cache-control"]


def test_client_and_host_of_a_trusted_proxy_are_used(trusting: Server) -> None:
    """Logs and absolute URLs use the original client and host."""
    answer = admin_of(trusting).client.post(
        "/api/v1/images",
        content=picture(),
        headers={
            "forwarded": 'for=203.0.113.8, for="[2001:db8::7]";proto=https;host=img.example',
        },
    )

    assert answer.headers["location"].startswith("https://img.example/api/v1/images/")
    until(lambda: trusting.lines(method="POST", client="2001:db8::7"))


def test_the_log_names_the_client_of_an_answer_from_memory(trusting: Server) -> None:
    """As for each other answer: the loop of the connection sends it without a task."""
    image = admin_of(trusting).client.post(
        "/api/v1/images", content=picture(1), params={"visibility": "public"}
    )
    path = f"/images/{image.json()['id']}"
    tiers = [trusting.client.get(f"{path}?w=20").headers["server-timing"] for _ in range(3)]
    assert tiers[-1] == "cache;desc=memory"

    trusting.client.get(f"{path}?w=20", headers={"x-forwarded-for": "203.0.113.7"})

    (line,) = until(lambda: trusting.lines(client="203.0.113.7"))
    others = trusting.lines(method="GET", path=path, client="127.0.0.1")
    assert (line["method"], line["path"], line["status"], len(others)) == ("GET", path, 200, 3)


def test_no_other_peer_is_trusted(admin: Account) -> None:
    """Every client can send these fields."""
    answer = admin.client.post(
        "/api/v1/images",
        content=picture(),
        headers={"forwarded": "for=203.0.113.9;host=evil.example", "x-forwarded-host": "evil"},
    )

    assert "evil" not in answer.headers["location"]


def test_the_documented_configuration_of_nginx_works(trusting: Server, tmp_path: Path) -> None:
    """Uploads of any size and events pass, and clients cannot choose their address or host."""
    key = admin_of(trusting).key
    (location,) = re.findall(
        r"^    location / \{\n(.*?)^    \}", CONFIGURATION, re.DOTALL | re.MULTILINE
    )
    forged = {"forwarded": "for=203.0.113.9;host=evil.example", "x-forwarded-for": "203.0.113.9"}

    with (
        nginx(tmp_path, trusting.port, location.replace(":8000", ":{backend}")) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        client.headers.update({"authorization": f"Bearer {key}", **forged})
        answer = client.post("/api/v1/images", content=picture())
        events = client.stream("GET", "/api/v1/events", headers={"last-event-id": "0"})
        with events as stream:
            event = next(line for line in stream.iter_lines() if line.startswith("event: "))

    assert answer.headers["location"].startswith(f"http://127.0.0.1:{port}/api/v1/images/")
    assert event == "event: image.created"
    until(lambda: trusting.lines(path="/api/v1/events"))  # the last of the requests
    assert "203.0.113.9" not in trusting.log()


def test_the_documented_configuration_of_haproxy_works(trusting: Server, tmp_path: Path) -> None:
    """By default, it passes on what clients send: their address, host and base path."""
    key = admin_of(trusting).key
    (lines,) = re.findall(r"^```haproxy\n(.*?)^```", SCALING, re.DOTALL | re.MULTILINE)
    lines, binds = re.subn(r"bind .*", "bind 127.0.0.1:{port}", lines)
    lines, servers = re.subn(r"( +server .*\n)+", "{servers}\n", lines)
    assert (binds, servers) == (1, 1)
    forged = {
        "forwarded": "for=203.0.113.10;host=evil.example",
        "x-forwarded-for": "203.0.113.10",
        "x-forwarded-host": "evil.example",
        "x-forwarded-prefix": "/evil",
        "x-forwarded-proto": "https",
    }

    with haproxy(tmp_path, trusting.port, sections=lines) as port:
        url = f"http://127.0.0.1:{port}"
        with new_client(base_url=url) as client:
            client.headers.update({"authorization": f"Bearer {key}", **forged})
            answer = client.post("/api/v1/images", content=picture(2))

    assert answer.headers["location"].startswith(f"{url}/api/v1/images/")
    until(lambda: trusting.lines(method="POST", client="127.0.0.1"))
    assert "203.0.113.10" not in trusting.log()


def test_every_delivery_has_its_tier_and_times(telling: Server) -> None:
    """Server-Timing has the tier, and the time of waiting and of each stage of rendering."""
    url = f"/images/{telling.upload(picture())['id']}?w=20&blur=3&debug=1"

    cold, hot = (telling.client.get(url).headers for _ in range(2))

    assert cold["server-timing"].startswith("cache;desc=rendered, ")
    timed = dict(part.split(";dur=") for part in cold["server-timing"].split(", ")[1:])
    stages = ("queue", "decode", "transform", "encode")
    assert list(timed) == [*stages, "total"]
    assert sum(float(timed[stage]) for stage in stages) <= float(timed["total"]) + 0.3
    assert hot["server-timing"] == "cache;desc=memory"
    assert cold["x-imagesvc-plan"] == "blur=3&format=jpeg&q=80&w=20"


def test_the_plan_is_shown_only_where_the_operator_allows_it(admin: Account) -> None:
    """The content of presets is not public by default."""
    image = admin.client.post("/api/v1/images", content=picture()).json()

    shown = admin.client.get(f"/images/{image['id']}?w=20&debug=1")

    assert shown.status_code == 200
    assert "x-imagesvc-plan" not in shown.headers
