"""Originals and large variants by redirects to the bucket, at an address that only clients use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from imagesvc.client import Client
from imagesvc.model.ids import BlobName
from imagesvc.store.objects.links import KEY_ID, SECRET, DownloadLinks
from imagesvc.store.objects.opening import open_blob_bucket
from tests.accounts import Account, make_user
from tests.attack.located import LOCATED
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.cut_proxy import cut_proxy
from tests.http.asking import noise, picture
from tests.http.people import People, people_of, upload
from tests.postgres import Postgres
from tests.radosgw import CREDENTIALS, Radosgw
from tests.server import new_client

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def people(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, radosgw: Radosgw
) -> Iterator[People]:
    """The users of a server that reaches the bucket by a proxy."""
    with postgres.copy_of(EMPTY) as url, cut_proxy(radosgw.port) as proxy:
        nodes = Nodes(tmp_path_factory.mktemp("redirects"), url)
        settings: dict[str, Any] = {
            "auth": "required", "delivery_redirects": True, "has_worker": False,
            "blob_url": radosgw.new_url(endpoint=proxy.address),
            "blob_public_endpoint": radosgw.endpoint, "default_visibility": "public",
        }  # fmt: skip
        try:
            yield people_of(nodes.node(**settings).start())
        finally:
            nodes.close()


@pytest.fixture(scope="module")
def public(people: People) -> dict[str, Any]:
    """A public image."""
    return upload(people.ann, 1)


def followed(redirect: httpx2.Response, **headers: str) -> httpx2.Response:
    """The response of the bucket, without a credential."""
    assert redirect.status_code == 307, redirect.text
    with new_client() as stranger:
        return stranger.get(redirect.headers["location"], headers=headers)


def test_the_bucket_sends_an_original(
    people: People, public: dict[str, Any], radosgw: Radosgw
) -> None:
    """Its response has the type and the name; caches of others keep neither response."""
    redirect = people.server.client.get(f"/images/{public['id']}?download=1")

    assert redirect.headers["location"].startswith(f"{radosgw.endpoint}/")
    sent = followed(redirect)
    assert (sent.status_code, sent.content) == (200, picture(1))
    assert sent.headers["content-type"] == "image/jpeg"
    assert sent.headers["content-disposition"] == 'attachment; filename="1.jpg"'
    for response in (redirect, sent):
        assert response.headers["cache-control"] == "private, max-age=300"
    assert redirect.headers["x-content-type-options"] == "nosniff"
    part = followed(redirect, range="bytes=10-19")
    assert (part.status_code, part.content) == (206, picture(1)[10:20])
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in people.server.log()
    assert "X-Amz-Signature" not in people.server.log()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"if-none-match": "ETAG"}, 304),
        ({"if-match": "ETAG"}, 200),
        ({"if-match": '"another"'}, 412),
        ({"range": "bytes=0-9", "if-range": "ETAG"}, 206),
        ({"origin": "https://app.example.org"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}, 307),
        ({"accept": "image/avif,image/webp,*/*;q=0.8"}, 200),
        ({"referer": "http://images.example.org/"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 307),
        ({"range": "bytes=0-9"}, 307),
    ],
)
def test_the_server_answers_what_the_bucket_cannot(
    people: People, public: dict[str, Any], fields: dict[str, str], status: int
) -> None:
    """The bucket has other entity tags; pages of the gallery show pictures of this host alone."""
    url, client = f"/images/{public['id']}", people.server.client
    head = client.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(picture(1))))
    asked = {name: head.headers["etag"] if it == "ETAG" else it for name, it in fields.items()}

    assert client.get(url, headers=asked).status_code == status


def test_rights_and_harmful_types_are_not_given_to_the_bucket(people: People) -> None:
    """The redirect of a private image is for its owner, and kept by no cache."""
    ann, stranger = people.ann, people.server.client
    private = f"/images/{upload(ann, 2, visibility='private')['id']}"
    body = {"operations": ["original"], "expires_in": 600}
    signed = ann.post(f"/api/v1{private}/signed-urls", json=body).json()["data"][0]["url"]
    tiff = ann.post("/api/v1/images", files={"file": picture(3, kind="TIFF")}).json()
    ends = upload(ann, 4, expires_in="3600")
    located = ann.post("/api/v1/images", files={"file": LOCATED["jpeg"]}).json()

    redirect = ann.get(private)
    assert followed(redirect).content == picture(2)
    assert redirect.headers["cache-control"] == "private, no-cache"
    assert stranger.get(private).status_code == 404
    assert stranger.get(signed).content == picture(2)
    assert stranger.get(f"/images/{tiff['id']}").content == picture(3, kind="TIFF")
    assert stranger.get(f"/images/{ends['id']}").content == picture(4)
    assert stranger.get(f"/images/{located['id']}").status_code == 200
    assert followed(ann.get(f"/images/{located['id']}")).content == LOCATED["jpeg"]
    trashed = ann.post("/api/v1/images/actions/trash", json={"ids": [ends["id"]]})
    assert trashed.status_code == 207
    assert ann.get(f"/images/{ends['id']}").status_code == 200


def test_large_variants_are_redirected_and_small_ones_sent(people: People) -> None:
    """A small one would take as long as its redirect; the client of the service follows it."""
    user = make_user(people.server, Account("", "", people.admin), "with-client")
    content = noise((2000, 1500), "PNG")
    with Client(f"http://127.0.0.1:{people.server.port}", key=user.key) as client:
        image = client.upload(content, filename="a.png")
        redirect = people.server.client.get(f"/images/{image.id}?w=1900")
        small = people.server.client.get(f"/images/{image.id}?w=40")

        sent = followed(redirect)
        assert (sent.status_code, sent.headers["content-type"]) == (200, "image/png")
        assert small.status_code == 200
        assert client.fetch(image.id, w=1900) == sent.content
        assert client.fetch(image.id) == content


@pytest.mark.anyio
async def test_urls_are_equal_for_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers keep pictures by URL, and a URL can be used for longer than its redirect is kept."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = open_blob_bucket("s3://photos?endpoint=http://127.0.0.1:1&region=default")
    urls = []
    for now in (86_400 * 300 - 1, 86_400 * 300, 86_400 * 300 + 299, 86_400 * 300 + 300):
        links = DownloadLinks(
            bucket, os.environ[KEY_ID], os.environ[SECRET], clock=partial(float, now)
        )
        urls.append(await links.original(BlobName("a" * 64), {"content-type": "image/jpeg"}))

    assert urls[1] == urls[2]
    assert len(set(urls)) == 3
    query = parse_qs(urlsplit(urls[1]).query)
    assert query["X-Amz-Date"] == ["19701028T000000Z"]
    assert query["X-Amz-Expires"] == ["900"]
    assert os.environ[SECRET] not in urls[1]
