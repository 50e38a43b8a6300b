"""Features for a proxy in front, and the trust in its fields."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.accounts import admin_of
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.proxies import nginx
from tests.server import new_client

CONFIGURATION = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


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


def test_an_answer_names_its_image_for_purging(make_server: MakeServer) -> None:
    """A CDN removes all variants of one image by this tag."""
    server = make_server(cache_tag_header="Cache-Tag", stale_while_revalidate="1d", max_age="1h")
    image = server.upload(picture())

    answers = [server.client.get(f"/images/{image['id']}?w=20") for _ in range(2)]

    for answer in answers:
        assert answer.headers["cache-tag"] == f"image-{image['id']}"
        assert "public, max-age=3600, immutable" in answer.headers["cache-control"]
        assert "stale-while-revalidate=86400" in answer.headers["cache-control"]


def test_client_and_host_of_a_trusted_proxy_are_used(make_server: MakeServer) -> None:
    """Logs and absolute URLs use the original client and host."""
    server = make_server(trusted_proxies='["127.0.0.0/8"]', auth="required")

    answer = admin_of(server).client.post(
        "/api/v1/images",
        content=picture(),
        headers={
            "forwarded": 'for=203.0.113.9, for="[2001:db8::7]";proto=https;host=img.example',
        },
    )

    assert answer.headers["location"].startswith("https://img.example/api/v1/images/")
    server.stop()
    requests = [json.loads(line) for line in server.log().splitlines() if '"method":"POST"' in line]
    assert requests[-1]["client"] == "2001:db8::7"


def test_no_other_peer_is_trusted(make_server: MakeServer) -> None:
    """Every client can send these fields."""
    server = make_server(auth="required")

    answer = admin_of(server).client.post(
        "/api/v1/images",
        content=picture(),
        headers={"forwarded": "for=203.0.113.9;host=evil.example", "x-forwarded-host": "evil"},
    )

    assert "evil" not in answer.headers["location"]


def test_the_documented_configuration_of_nginx_works(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """Uploads of any size and events pass, and clients cannot choose their address or host."""
    server = make_server(trusted_proxies='["127.0.0.1/32"]', auth="required")
    admin = admin_of(server)
    (location,) = re.findall(
        r"^    location / \{\n(.*?)^    \}", CONFIGURATION, re.DOTALL | re.MULTILINE
    )
    forged = {"forwarded": "for=203.0.113.9;host=evil.example", "x-forwarded-for": "203.0.113.9"}

    with (
        nginx(tmp_path, server.port, location.replace(":8000", ":{backend}")) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        client.headers.update({"authorization": f"Bearer {admin.key}", **forged})
        answer = client.post("/api/v1/images", content=picture())
        events = client.stream("GET", "/api/v1/events", headers={"last-event-id": "0"})
        with events as stream:
            event = next(line for line in stream.iter_lines() if line.startswith("event: "))

    assert answer.headers["location"].startswith(f"http://127.0.0.1:{port}/api/v1/images/")
    assert event == "event: image.created"
    server.stop()
    assert "203.0.113.9" not in server.log()


def test_every_delivery_has_its_tier_and_times(make_server: MakeServer) -> None:
    """Server-Timing has the tier, and the time of waiting and of each stage of rendering."""
    server = make_server(allow_debug=True)
    url = f"/images/{server.upload(picture())['id']}?w=20&blur=3&debug=1"

    cold, hot = (server.client.get(url).headers for _ in range(2))

    assert cold["server-timing"].startswith("cache;desc=rendered, ")
    timed = dict(part.split(";dur=") for part in cold["server-timing"].split(", ")[1:])
    stages = ("queue", "decode", "transform", "encode")
    assert list(timed) == [*stages, "total"]
    assert sum(float(timed[stage]) for stage in stages) <= float(timed["total"]) + 0.3
    assert hot["server-timing"] == "cache;desc=memory"
    assert cold["x-imagesvc-plan"] == "blur=3&format=jpeg&q=80&w=20"


def test_the_plan_is_shown_only_where_the_operator_allows_it(make_server: MakeServer) -> None:
    """The content of presets is not public by default."""
    server = make_server()
    url = f"/images/{server.upload(picture())['id']}?w=20&debug=1"

    assert "x-imagesvc-plan" not in server.client.get(url).headers
