"""Signed URLs and the policies that require them."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from imagesvc.auth.signing import Signer
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import until

KEYS = '{"k2": "new secret", "k1": "old secret"}'
SIGNER = Signer({"k2": b"new secret", "k1": b"old secret"})


def signed(path: str, *pairs: tuple[str, str], **options: object) -> str:
    """The signed URL of a path."""
    return f"{path}?{urlencode(SIGNER.sign(path, pairs, **options))}"  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def policy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the policy that the tests name."""
    place = tmp_path_factory.mktemp(request.param) / "data"
    server = Server(place, transform_policy=request.param, signing_keys=KEYS).start()
    yield server
    server.close()


@pytest.fixture
def image(policy: Server, request: pytest.FixtureRequest) -> tuple[Server, str]:
    """The server, and the path of an image that only this test uses."""
    content = picture(zlib.crc32(request.node.nodeid.encode()))
    return policy, f"/images/{policy.upload(content)['id']}"


@pytest.mark.parametrize("policy", ["presets"], indirect=True)
def test_policy_presets_serves_presets_and_originals_to_all_and_the_rest_when_signed(
    image: tuple[Server, str],
) -> None:
    """Presets are a bounded set; free-form transforms would let any client fill the disk."""
    server, path = image
    statuses = {
        name: server.client.get(url).status_code
        for name, url in {
            "original": path,
            "preset": f"{path}/thumbnail",
            "preset by query": f"{path}?preset=thumbnail",
            "blurred": path.replace("/images/", "/blurred-images/"),
            "free": f"{path}?w=33",
            "preset overridden": f"{path}/thumbnail?w=33",
            "signed": signed(path, ("w", "33")),
            "signed with the older key": signed(path, ("w", "33"), key_id="k1"),
        }.items()
    }

    assert statuses == {
        "original": 200,
        "preset": 200,
        "preset by query": 200,
        "blurred": 200,
        "free": 403,
        "preset overridden": 403,
        "signed": 200,
        "signed with the older key": 200,
    }


@pytest.mark.parametrize("policy", ["signed"], indirect=True)
def test_policy_signed_covers_originals_too(image: tuple[Server, str]) -> None:
    """Originals have metadata that variants do not have."""
    server, path = image

    assert server.client.get(path).status_code == 403
    assert server.client.get(signed(path)).status_code == 200
    assert server.client.get(f"{path}/thumbnail").status_code == 200


@pytest.mark.parametrize("policy", ["open"], indirect=True)
def test_an_invalid_signature_is_refused_under_every_policy(
    image: tuple[Server, str],
) -> None:
    """A URL with a signature must be the one that was signed."""
    server, path = image
    url = signed(path, ("w", "33"))

    answer = server.client.get(url.replace("w=33", "w=34"))

    assert answer.status_code == 403
    assert answer.json()["code"] == "signature_invalid"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("policy", ["presets"], indirect=True)
def test_an_expiring_url_is_not_cached_beyond_its_expiry(image: tuple[Server, str]) -> None:
    """Neither a cache nor our memory may use it after its expiry."""
    server, path = image

    def asked_in_time() -> tuple[int, httpx2.Response] | None:
        expires_at = int(time.time()) + 2
        answer = server.client.get(signed(path, ("w", "33"), expires_at=expires_at))
        return (expires_at, answer) if answer.status_code == 200 else None

    expires_at, first = until(asked_in_time)
    time.sleep(max(0.0, expires_at + 0.1 - time.time()))
    second = server.client.get(first.url)

    assert re.fullmatch(r"public, max-age=[0-2]", first.headers["cache-control"])
    assert second.status_code == 403


@pytest.mark.parametrize("policy", ["presets", "signed"], indirect=True)
def test_presets_may_negotiate_their_format_without_a_signature(image: tuple[Server, str]) -> None:
    """That is still a bounded set; with other parameters it is not."""
    server, path = image
    preset = f"/images/{path.rpartition('/')[2]}/thumbnail"
    blurred = f"/blurred-images/{path.rpartition('/')[2]}"
    webp = {"accept": "image/webp"}

    for url in (f"{preset}?format=auto", f"{path}?preset=thumbnail&format=auto"):
        answer = server.client.get(url, headers=webp)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert server.client.get(f"{blurred}?format=auto").status_code == 200
    for url in (
        f"{preset}?format=auto&w=33", f"{preset}?format=auto&format=webp", f"{path}?format=auto",
        f"{blurred}?format=auto&sigma=3",
    ):  # fmt: skip
        assert server.client.get(url).status_code == 403, url


@pytest.mark.parametrize("policy", ["presets"], indirect=True)
def test_the_command_line_signs_urls(image: tuple[Server, str]) -> None:
    """Operators try it first."""
    server, path = image

    printed = server.cli("sign", f"{path}?w=33&gravity=north", "--expires-in", "1h").stdout.strip()

    assert "exp=" in printed
    assert server.client.get(printed).status_code == 403, "another key: the command has its own"


def test_the_key_is_made_at_the_first_start_and_signs(make_server: MakeServer) -> None:
    """Signed URLs work without configuration, and other users cannot read the secret."""
    server = make_server(transform_policy="presets")
    path = f"/images/{server.upload(picture())['id']}"

    printed = server.cli("sign", f"{path}?w=33", "--expires-in", "1h").stdout.strip()

    assert server.client.get(printed).status_code == 200
    secret = server.data_dir / "secret.key"
    assert not secret.exists() or secret.stat().st_mode & 0o777 == 0o600
