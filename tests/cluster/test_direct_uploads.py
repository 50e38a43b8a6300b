"""Uploads straight to the bucket, by way of an address that only clients use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from imagesvc.client import AsyncClient, Client
from tests import commands
from tests.accounts import Account, make_user
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.cut_proxy import CutProxy, cut_proxy
from tests.http.asking import assert_problem, noise, picture
from tests.http.people import People, people_of
from tests.http.test_presigned import handed_out
from tests.postgres import Postgres
from tests.radosgw import Radosgw
from tests.server import Server, new_client
from tests.store.objects.protected import protected_bucket
from tests.waiting import until

pytestmark = pytest.mark.cluster

BYTES = 60_000
JPEG = {"content_type": "image/jpeg", "max_bytes": BYTES}


@dataclass(frozen=True, slots=True)
class Place:
    """Two servers that reach the bucket by a proxy, which clients do not use."""

    people: People
    other: Server
    proxy: CutProxy
    radosgw: Radosgw
    blob_url: str
    nodes: Nodes

    @property
    def server(self) -> Server:
        """The first of them."""
        return self.people.server

    def incoming(self) -> list[str]:
        """The keys of what was sent to the bucket and is there yet."""
        return self._keys("incoming/")

    def originals(self) -> list[str]:
        """The keys of the originals."""
        return self._keys("blobs/")

    def _keys(self, folder: str) -> list[str]:
        bucket, _, prefix = self.blob_url.partition("?")[0].removeprefix("s3://").partition("/")
        found = self.radosgw.client().list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{folder}")
        return [one["Key"].removeprefix(f"{prefix}/") for one in found.get("Contents", ())]


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, radosgw: Radosgw
) -> Iterator[Place]:
    """The servers of all tests."""
    with postgres.copy_of(EMPTY) as url, cut_proxy(radosgw.port) as proxy:
        nodes = Nodes(tmp_path_factory.mktemp("direct"), url)
        settings: dict[str, Any] = {
            "auth": "required", "direct_uploads": True, "has_worker": False,
            "blob_url": radosgw.url(protected_bucket(radosgw), endpoint=proxy.address),
            "blob_public_endpoint": radosgw.endpoint,
        }  # fmt: skip
        try:
            server, other = nodes.pair(**settings)
            people = people_of(server)
            yield Place(people, other, proxy, radosgw, settings["blob_url"], nodes)
        finally:
            nodes.close()


def put(upload: dict[str, Any], content: bytes) -> None:
    """Send a file to the bucket."""
    with new_client() as stranger:
        answer = stranger.put(upload["url"], content=content, headers=upload["headers"])
    assert answer.status_code == 200, answer.text


def complete(server: Server, upload: dict[str, Any]) -> httpx2.Response:
    """Say to a server that the file has been sent, without a credential."""
    with new_client(base_url=server.client.base_url) as stranger:
        return stranger.post(upload["complete_url"])


def test_a_file_in_the_bucket_becomes_the_promised_image(place: Place) -> None:
    """What is sent to the URL later changes nothing, and each repetition has the same answer."""
    ann = place.people.ann
    upload = handed_out(ann, filename="beach.jpg", title="Beach", visibility="private", **JPEG)
    assert upload["url"].startswith(f"{place.radosgw.endpoint}/")
    assert_problem(complete(place.server, upload), 409, "conflict")
    put(upload, picture(1))

    made = complete(place.server, upload)
    put(upload, picture(2))
    repeated = complete(place.other, upload)

    assert (made.status_code, repeated.status_code) == (201, 200), repeated.text
    assert made.json() == repeated.json()
    image = ann.get(made.headers["location"]).json()
    me = ann.get("/api/v1/users/me").json()
    assert (image["id"], image["owner_id"]) == (upload["id"], me["id"])
    assert (image["filename"], image["title"], image["visibility"]) == (
        "beach.jpg", "Beach", "private",
    )  # fmt: skip
    assert ann.get(f"/images/{upload['id']}").content == picture(1)
    assert place.people.bob.get(made.headers["location"]).status_code == 404
    assert place.incoming() == []
    signature = upload["url"].partition("X-Amz-Signature=")[2].partition("&")[0]
    assert signature, upload["url"]
    own = upload["complete_url"].partition("sig=")[2]
    assert not any(it in place.server.log() + place.other.log() for it in (signature, own))
    edit = {"title": "A secret"}
    ann.patch(made.headers["location"], json=edit, headers={"if-match": "*"}).raise_for_status()
    assert_problem(complete(place.other, upload), 409, "conflict")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (picture(5, kind="PNG"), 415, "unsupported_media_type"),
        (picture(5) + bytes(BYTES), 413, "file_too_large"),
        (b"", 400, "empty_file"),
        (picture(5)[:40], 422, "corrupt_image"),
    ],
)
def test_a_refused_file_is_removed(place: Place, content: bytes, status: int, code: str) -> None:
    """Another can be sent to the same URL."""
    upload, originals = handed_out(place.people.ann, **JPEG), place.originals()
    put(upload, content)

    assert_problem(complete(place.server, upload), status, code)

    assert place.incoming() == []
    assert place.originals() == originals
    put(upload, picture(6))
    assert complete(place.server, upload).status_code == 201


def test_the_rights_are_those_of_the_one_who_requested_the_url(place: Place) -> None:
    """A signature is for one id; those of a disabled user are withdrawn; a quota holds."""
    admin = Account("", "", place.people.admin)
    user = make_user(place.server, admin, "cut-short")
    first, second, third = (handed_out(user.client, **JPEG) for _ in range(3))
    for seed, upload in enumerate((first, second, third)):
        put(upload, picture(10 + seed))
    path = f"/api/v1/users/{user.id}"

    stolen = {"complete_url": first["complete_url"].replace(first["id"], second["id"])}
    assert_problem(complete(place.server, stolen), 403, "signature_invalid")
    assert complete(place.server, first).status_code == 201
    admin.client.patch(path, json={"quota_images": 1}).raise_for_status()
    assert_problem(complete(place.server, second), 429, "quota_exceeded")
    assert place.incoming() == [f"incoming/{third['id']}"]
    admin.client.patch(path, json={"quota_images": None, "is_disabled": True}).raise_for_status()
    for upload in (first, third):
        assert_problem(complete(place.server, upload), 409, "conflict")

    assert user.client.get("/api/v1/images").status_code == 401
    collect(place)
    assert place.incoming() == []


def test_two_servers_that_complete_at_once_make_one_image(place: Place) -> None:
    """All answers are the image."""
    uploads = [handed_out(place.people.ann, **JPEG) for _ in range(4)]
    for seed, upload in enumerate(uploads):
        put(upload, picture(30 + seed))
    originals = place.originals()
    asked = [(server, upload) for upload in uploads for server in (place.server, place.other)] * 2

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: complete(*one), asked))

    assert sorted(answer.status_code for answer in answers) == [200] * 12 + [201] * 4, [
        answer.text for answer in answers
    ]
    assert {answer.json()["id"] for answer in answers} == {upload["id"] for upload in uploads}
    assert place.incoming() == []
    assert len(place.originals()) == len(originals) + 4


def test_a_completion_can_be_repeated_after_a_kill(place: Place) -> None:
    """The file stays in the bucket until there is an image."""
    upload, content = handed_out(place.people.ann), noise((2000, 1500), "PNG")
    assert len(content) > 3 << 20
    put(upload, content)
    place.proxy.hang_down_after(2 << 20)
    with ThreadPoolExecutor(1) as pool:
        broken = pool.submit(_failure, lambda: complete(place.other, upload))
        until(lambda: [*(place.other.data_dir / "tmp").iterdir()])
        place.other.kill()
        assert isinstance(broken.result(), httpx2.TransportError)
    place.proxy.heal()
    place.other.start()

    assert place.incoming() == [f"incoming/{upload['id']}"]
    assert complete(place.other, upload).status_code == 201

    assert place.incoming() == []
    assert place.people.ann.get(f"/images/{upload['id']}").content == content


def test_what_was_sent_and_never_completed_is_collected(place: Place) -> None:
    """What may still be completed stays."""
    gone, kept = (handed_out(place.people.bob, **JPEG) for _ in range(2))
    for upload in (gone, kept):
        put(upload, picture(60))
    place.nodes.sql("UPDATE upload_slots SET expires_at = 0 WHERE id = :id", id=gone["id"])

    assert "1 unfinished uploads, 1 expired upload URLs" in collect(place)

    assert place.incoming() == [f"incoming/{kept['id']}"]
    assert_problem(complete(place.server, gone), 409, "conflict")
    assert complete(place.server, kept).status_code == 201


def test_the_client_sends_its_key_to_the_service_alone(place: Place) -> None:
    """S3 refuses requests with a signature and another credential."""
    ann = make_user(place.server, Account("", "", place.people.admin), "with-client")
    with Client(f"http://127.0.0.1:{place.server.port}", key=ann.key) as client:
        target = client.upload_url(filename="a.jpg", content_type="image/jpeg")
        image = client.upload_by_url(picture(70), target)
        again = client.complete_upload(target)

    assert str(image.id) == str(target.id)
    assert again.id == image.id


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(place: Place) -> None:
    """Its requests to the bucket are made in another way."""
    ann = make_user(place.server, Account("", "", place.people.admin), "with-async-client")
    async with AsyncClient(f"http://127.0.0.1:{place.server.port}", key=ann.key) as client:
        target = await client.upload_url(filename="a.jpg", content_type="image/jpeg")
        image = await client.upload_by_url(picture(71), target)

    assert str(image.id) == str(target.id)


def collect(place: Place) -> str:
    """Collect orphans; returns what was printed."""
    settings = {key: value for key, value in place.server.settings.items() if value is not None}
    directory = Path(place.server.data_dir)
    found = commands.run("gc", "--data-dir", str(directory), directory=directory.parent, **settings)
    assert found.returncode == 0, found.stderr
    return found.stdout


def _failure(request: Callable[[], httpx2.Response]) -> object:
    try:
        return request()
    except httpx2.TransportError as error:
        return error
