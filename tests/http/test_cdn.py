"""A CDN in front of a real server: tags of responses, and purges after changes."""

from __future__ import annotations

import json
from pathlib import Path

from tests import commands
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.receiver import Receiver
from tests.waiting import until

PATH = "/client/v4/zones/z1/purge_cache"


def test_a_deleted_image_is_purged_although_the_server_is_killed(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """Its responses have the tag, from memory too; its deletion and its purge are one commit."""
    receiver = Receiver()
    receiver.body = b'{"success": true}'
    receiver.url(PATH, *([503] * 100))
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    server = make_server(
        cdn="cloudflare", cdn_zone="z1", cdn_token_file=token, cdn_api_url=receiver.url("")
    )
    image = server.upload(picture())
    kept = server.upload(picture(seed=2))
    tag = f"image-{image['id']}"

    answers = [server.client.get(f"/images/{image['id']}?w=20") for _ in range(3)]
    server.client.delete(f"/api/v1/images/{image['id']}").raise_for_status()
    server.kill()
    receiver.statuses[PATH] = [200] * 100
    server.start()

    assert [answer.headers["cache-tag"] for answer in answers] == [tag] * 3
    until(lambda: "imagesvc_cdn_purged_total 1.0" in server.client.get("/metrics").text)
    headers, body = receiver.at(PATH)[-1]
    assert json.loads(body) == {"tags": [tag]}
    assert headers["authorization"] == "Bearer t0ken"
    assert server.client.get(f"/images/{kept['id']}").headers["cache-tag"].startswith("image-")
    assert "t0ken" not in server.log()

    server.client.delete(f"/api/v1/images/{kept['id']}/variants").raise_for_status()
    until(lambda: json.loads(receiver.at(PATH)[-1][1]) == {"tags": [f"image-{kept['id']}"]})
    receiver.close()


def test_a_token_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    """In one line, before a data directory is made; a CDN that is never purged would be worse."""
    ended = commands.run(
        "serve", "--port", "0", directory=tmp_path,
        auth="off", cdn="bunny", cdn_zone="1", cdn_token_file=tmp_path / "none",
    )  # fmt: skip

    assert ended.returncode == 2
    assert "cdn_token_file" in ended.stderr
    assert not (tmp_path / "data").exists()
