"""Strangers search a public image for its location: in its original, by every request.

Each response to a stranger is searched for the coordinates in every encoding; the owner and admins
get the stored bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import httpx2
import pytest
from PIL import Image

from tests.accounts import Account, client_of, make_key
from tests.attack.located import HIDDEN, LOCATED, STRIPPED
from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.people import People, people_of
from tests.imaging import places
from tests.imaging.places import traces
from tests.server import Server

VARY = "Authorization, X-API-Key, Cookie"
FEW = ("jpeg", "jpeg extended XMP", "png texts", "gif", "heic")


@pytest.fixture(scope="module")
def people_of_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The people of a server with accounts."""
    place = tmp_path_factory.mktemp("places") / "data"
    server = Server(place, auth="required", rate_limits="off").start()
    yield people_of(server)
    server.close()


def uploaded(client: httpx2.Client, content: bytes, **fields: str) -> str:
    """The id of a public image."""
    fields = {"visibility": "public"} | fields
    answer = client.post("/images", files={"file": ("a", content)}, data=fields)
    assert answer.status_code == 201, answer.text
    image_id: str = answer.json()["id"]
    return image_id


def test_the_original_files_contain_the_location() -> None:
    """Without it the tests below would prove nothing."""
    assert [name for name, content in LOCATED.items() if not traces(content)] == []


@pytest.mark.parametrize("name", represented(LOCATED, *FEW))
def test_no_response_to_a_stranger_contains_the_location(
    people_of_places: People, name: str
) -> None:
    """The whole, ranges, conditional requests, a signed URL, and credentials of others or none."""
    people, content = people_of_places, LOCATED[name]
    image_id = uploaded(people.ann, content)
    url, digest = f"/images/{image_id}", hashlib.sha256(content).hexdigest()
    stranger = client_of(people.server)
    signed = people.server.cli("sign", url, "--expires-in", "1h").stdout.strip()
    owner_id = people.ann.get("/api/v1/users/me").json()["id"]
    admin = Account("", "", people.admin)
    _key, blind = make_key(people.server, admin, owner_id, ["upload"])  # not good for reading

    whole = stranger.get(url)
    answers = [
        whole,
        people.bob.get(url),
        blind.get(url),
        stranger.get(f"{url}?download=1"),
        stranger.get(signed),
        stranger.get(url, headers={"range": "bytes=0-"}),
        stranger.get(url, headers={"range": "bytes=0-", "if-range": f'"{digest}"'}),
        stranger.get(url, headers={"if-none-match": f'"{digest}"'}),
        stranger.get(url, headers={"authorization": "Bearer isk_wrong"}),
        stranger.get(f"/images/{image_id}/thumbnail"),
        stranger.get(f"/api/v1/images/{image_id}"),
        people.bob.get(f"/api/v1/images/{image_id}"),
        people.bob.get("/api/v1/images?limit=200"),
        people.bob.get(f"/api/v1/images/{image_id}/variants"),
    ]

    assert [traces(item.content) for item in answers] == [[]] * len(answers)
    assert [item.status_code for item in answers[:5]] == [200] * 5
    assert [item.content for item in answers[1:5]] == [whole.content] * 4
    assert whole.headers["etag"] != f'"{digest}"'
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert Image.open(io.BytesIO(whole.content)).size
    owned = people.ann.get(url)
    assert owned.content == people.admin.get(url).content == content
    assert owned.headers["etag"] == f'"{digest}"'


@pytest.mark.parametrize("name", STRIPPED)
def test_the_copy_has_the_same_pixels_and_its_own_validators(
    people_of_places: People, name: str
) -> None:
    """Ranges, HEAD and conditional requests apply to the copy."""
    people, content = people_of_places, LOCATED[name]
    url = f"/images/{uploaded(people.ann, content)}"
    stranger = client_of(people.server)

    whole = stranger.get(url)
    etag = whole.headers["etag"]
    head = stranger.head(url)
    part = stranger.get(url, headers={"range": "bytes=10-19", "if-range": etag})
    fresh = stranger.get(url, headers={"if-none-match": etag})

    assert _pixels(whole.content) == _pixels(content)
    assert whole.headers["content-type"] == people.ann.get(url).headers["content-type"]
    assert (head.status_code, head.headers["etag"], head.content) == (200, etag, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert people.ann.get(url, headers={"if-none-match": etag}).status_code == 200
    assert people.ann.get(url, headers={"if-match": etag}).status_code == 412


def _pixels(content: bytes) -> bytes:
    return Image.open(io.BytesIO(content)).convert("RGBA").tobytes()


@pytest.mark.parametrize("name", HIDDEN)
def test_unparsed_files_are_delivered_as_a_variant_of_the_same_size(
    people_of_places: People, name: str
) -> None:
    """It is encoded again, without metadata."""
    people, content = people_of_places, HIDDEN[name]
    url = f"/images/{uploaded(people.ann, content)}"

    answer = client_of(people.server).get(url)

    shown = Image.open(io.BytesIO(answer.content))
    image = people.ann.get(f"/api/v1{url}").json()
    assert shown.size == (image["width"], image["height"])
    assert not shown.getexif()
    assert answer.headers["content-type"] in {"image/jpeg", "image/png", "image/webp"}


def test_shared_caches_keep_the_two_answers_apart(people_of_places: People) -> None:
    """The owner's response is private, and that for strangers varies with the credential fields."""
    people = people_of_places
    url = f"/images/{uploaded(people.ann, LOCATED['jpeg'])}"
    stranger = client_of(people.server)

    for _ in range(3):  # also from memory, for any earlier requester
        theirs, owned = stranger.get(url), people.ann.get(url)
        assert theirs.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert owned.headers["cache-control"] == "private, no-cache"
        assert theirs.headers["vary"] == owned.headers["vary"] == VARY
        assert owned.content == LOCATED["jpeg"]
        assert theirs.content != owned.content
    validators = {"if-none-match": theirs.headers["etag"]}
    assert stranger.get(url, headers=validators).headers["vary"] == VARY


def test_an_original_without_a_place_is_served_as_it_is(people_of_places: People) -> None:
    """Strangers get it, too, with the entity tag of its bytes."""
    people, content = people_of_places, places.bare("JPEG", (77, 55))
    url = f"/images/{uploaded(people.ann, content)}"

    answer = client_of(people.server).get(url)

    assert answer.content == content
    assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_owner_can_share_the_location_and_revoke_it(people_of_places: People) -> None:
    """The owner sets `share_location` at the upload or later."""
    people, content = people_of_places, LOCATED["jpeg"]
    image_id = uploaded(people.ann, content, share_location="true")
    url, stranger = f"/images/{image_id}", client_of(people.server)
    assert people.ann.get(f"/api/v1{url}").json()["share_location"] is True
    assert stranger.get(url).content == content

    for is_shared in (False, True, False):
        edit = people.ann.patch(f"/api/v1{url}", json={"share_location": is_shared})
        assert edit.json()["share_location"] is is_shared
        assert (stranger.get(url).content == content) is is_shared
    assert people.bob.patch(f"/api/v1{url}", json={"share_location": True}).status_code == 403
    assert traces(stranger.get(url).content) == []


def test_a_signed_url_of_a_private_image_hides_the_location(people_of_places: People) -> None:
    """The user of a signed URL is a stranger."""
    people = people_of_places
    url = f"/images/{uploaded(people.ann, LOCATED['png'], visibility='private')}"
    signed = people.server.cli("sign", url, "--expires-in", "1h").stdout.strip()

    answer = client_of(people.server).get(signed)

    assert answer.status_code == 200
    assert traces(answer.content) == []
    assert answer.headers["cache-control"] == "private, no-cache"


def test_images_of_before_are_examined_at_the_first_request(people_of_places: People) -> None:
    """The copy is made again when it was evicted."""
    people = people_of_places
    image_id = uploaded(people.ann, LOCATED["webp"])
    stranger = client_of(people.server)
    first = stranger.get(f"/images/{image_id}")
    assert people.ann.delete(f"/api/v1/images/{image_id}/variants").json()["deleted"] >= 1

    again = stranger.get(f"/images/{image_id}")

    assert again.content == first.content
    assert "rendered" in again.headers["server-timing"]
    assert traces(again.content) == []


@pytest.mark.parametrize(
    "sendfile", represented(["x-accel-redirect", "x-sendfile"], "x-accel-redirect")
)
def test_sendfile_is_never_used_for_the_stored_file(make_server: MakeServer, sendfile: str) -> None:
    """The stored file contains the location."""
    server = make_server(
        auth="required", rate_limits="off", workers=1, sendfile=sendfile, memory_cache_size=1
    )
    people = people_of(server)
    for content in (LOCATED["jpeg"], LOCATED["avif"], places.jpeg(trailer=bytes(5 << 20))):
        url = f"/images/{uploaded(people.ann, content)}"
        stranger = client_of(server)
        for _ in range(2):
            answer = stranger.get(url)
            sent = answer.content
            if sendfile in answer.headers:
                path = answer.headers[sendfile]
                assert "blobs" not in path
                sent = (server.data_dir / "variants" / path.split("variants/")[1]).read_bytes()
            assert traces(sent) == []
        owned = people.ann.get(url).headers[sendfile]
        assert owned.endswith(hashlib.sha256(content).hexdigest())


def test_without_accounts_everybody_is_the_owner(make_server: MakeServer) -> None:
    """The response has the uploaded bytes, and caches may keep it."""
    server = make_server(auth="off", workers=1)
    image = server.upload(LOCATED["jpeg"])

    answer = server.client.get(f"/images/{image['id']}")

    assert answer.content == LOCATED["jpeg"]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "vary" not in answer.headers
