"""Archives: ZIP files of originals and variants, their names and dates, and who gets what."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.accounts import PASSWORD, Account, client_of, make_user
from tests.attack.located import LOCATED
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, damaged, picture
from tests.http.large import interrupted, large
from tests.http.test_search import photo
from tests.imaging.places import traces
from tests.server import Server
from tests.sessions import browser_of

pytestmark = pytest.mark.joint

ARCHIVES = "/api/v1/archives"
NO_ID = "0190c0de-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with images."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def bob(guarded: Server, admin: Account) -> Account:
    """Another user."""
    return make_user(guarded, admin, "bob")


def upload(account: Account, content: bytes, name: str = "a.jpg", **fields: str) -> str:
    """Upload an image; returns its id."""
    made = account.client.post("/api/v1/images", files={"file": (name, content)}, data=fields)
    assert made.status_code == 201, made.text
    image_id: str = made.json()["id"]
    return image_id


def archive(account: Account, **body: Any) -> dict[str, Any]:
    """Make an archive."""
    made = account.client.post(ARCHIVES, json=body)
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith(made.json()["url"])
    shown: dict[str, Any] = made.json()
    return shown


def opened(answer: httpx2.Response) -> zipfile.ZipFile:
    """The ZIP file of a response, whose parts are all sound."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    return found


def files(account: Account, **body: Any) -> dict[str, bytes]:
    """The files of an archive, by name in order."""
    found = opened(account.client.get(archive(account, **body)["url"]))
    return {info.filename: found.read(info) for info in found.infolist()}


def test_an_archive_has_the_originals_byte_for_byte(ada: Account) -> None:
    """Stored, with the dates of the photographs, and the number and bytes told before."""
    contents = [
        photo("#2f6b9a", taken="2016:03:24 12:34:56"), picture(1), photo("#c02020", kind="PNG")
    ]  # fmt: skip
    ids = [upload(ada, content, "IMG 1.jpeg") for content in contents]

    made = archive(ada, ids=ids)
    answer = ada.client.get(made["url"])
    found = opened(answer)

    assert (made["count"], made["bytes"]) == (3, sum(map(len, contents)))
    infos = found.infolist()
    assert [info.filename for info in infos] == ["IMG 1.jpg", "IMG 1-2.jpg", "IMG 1.png"]
    assert [found.read(info) for info in infos] == contents
    assert infos[0].date_time == (2016, 3, 24, 12, 34, 56)
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"].startswith('attachment; filename="images-')
    head = ada.client.head(made["url"])
    assert (head.status_code, head.content) == (200, b"")


def test_an_archive_has_variants_of_a_preset(ada: Account) -> None:
    """In their formats, also those that are made only now."""
    image_id = upload(ada, picture(2), "b.png")

    made = archive(ada, ids=[image_id], preset="grid")
    found = files(ada, ids=[image_id, image_id], preset="grid")

    assert (made["count"], made["bytes"]) == (1, None)
    (content,) = found.values()
    assert list(found) == ["b.webp"]
    shown = Image.open(io.BytesIO(content))
    assert (shown.format, shown.size) == ("WEBP", (640, 400))
    assert content == ada.client.get(f"/images/{image_id}/grid").content


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"), ("..\\..\\evil.jpg", "evil.jpg"),
        ("C:\\con.jpg", "image-con.jpg"), ("a\u202egpj.exe", "agpj.jpg"),
        ("<script>.jpg", "_script_.jpg"), (".hidden", "hidden.jpg"), ("x" * 300, None),
        ("\u6d77" * 80, None), ("...", None),
    ],
)  # fmt: skip
def test_hostile_names_are_made_safe(ada: Account, name: str, expected: str | None) -> None:
    """No name leaves the folder into which the archive is unpacked, on any system."""
    (found,) = files(ada, ids=[upload(ada, picture(3), name)])

    assert expected in {None, found}, found
    assert not {"/", "\\", "\0", ":", "<", "\u202e"} & set(found)
    assert not found.startswith(".")
    assert len(found.encode()) <= 160


def test_a_search_selects_what_its_requester_may_see(ada: Account, bob: Account) -> None:
    """With all filters; hidden images of others are in no archive."""
    mine = picture(4)
    upload(ada, mine, title="curlew", visibility="private")
    shared, hidden = picture(5), picture(6)
    upload(bob, shared, title="curlew", visibility="public")
    upload(bob, hidden, title="curlew", visibility="private")
    upload(bob, picture(7), title="curlew", visibility="unlisted")

    both = files(ada, q="curlew OR nothing")
    own = files(ada, q="curlew", filter={"owner": ada.id})

    assert {hashlib.sha256(content).digest() for content in both.values()} == {
        hashlib.sha256(content).digest() for content in (mine, shared)
    }
    assert list(own.values()) == [mine]
    assert_problem(
        ada.client.post(ARCHIVES, json={"q": "", "filter": {"owner": bob.id}}), 403, "forbidden"
    )


def test_permissions_count_when_it_is_downloaded(ada: Account, bob: Account) -> None:
    """What was made private, deleted or put into the trash meanwhile is not in it."""
    ids = [upload(bob, picture(seed), visibility="public") for seed in range(10, 14)]
    made = archive(ada, ids=ids)
    bob.client.patch(f"/api/v1/images/{ids[0]}", json={"visibility": "private"})
    bob.client.delete(f"/api/v1/images/{ids[1]}")
    bob.client.post("/api/v1/images/actions/trash", json={"ids": [ids[2]]})

    found = opened(ada.client.get(made["url"]))

    assert [found.read(info) for info in found.infolist()] == [picture(13)]


def test_permissions_count_at_the_turn_of_each_image(ada: Account, bob: Account) -> None:
    """What becomes private during a download is not in the rest of it."""
    ids = [upload(bob, large(number), visibility="public") for number in range(5)]
    made = archive(ada, ids=ids)

    def hide() -> None:
        for image_id in ids:
            bob.client.patch(f"/api/v1/images/{image_id}", json={"visibility": "private"})

    found = interrupted(ada.client, made["url"], hide)

    assert 1 <= len(found) < 5


@pytest.mark.breadth
def test_a_session_that_ends_ends_its_downloads(guarded: Server, ada: Account) -> None:
    """Before the next image; the file is complete, and says why it has no more."""
    ids = [upload(ada, large(number)) for number in range(5)]
    made = archive(ada, ids=ids)
    browser, other = browser_of(guarded, "ada"), browser_of(guarded, "ada")
    session = browser.get("/api/v1/session").json()["session"]["id"]

    found = interrupted(browser, made["url"], lambda: other.delete(f"/api/v1/sessions/{session}"))

    assert 1 <= len(found) - 1 < 5
    assert found["left-out.txt"]


def test_originals_of_others_are_without_their_location(ada: Account, bob: Account) -> None:
    """The owner's own archive has them as they were uploaded."""
    located = LOCATED["jpeg"]
    image_id = upload(bob, located, visibility="public")

    (for_others,) = files(ada, ids=[image_id]).values()
    (own,) = files(bob, ids=[image_id]).values()

    assert own == located
    assert traces(located)
    assert traces(for_others) == []
    assert for_others == ada.client.get(f"/images/{image_id}").content
    bob.client.patch(f"/api/v1/images/{image_id}", json={"share_location": True})
    assert list(files(ada, ids=[image_id]).values()) == [located]


def test_only_its_user_downloads_it(
    guarded: Server, admin: Account, ada: Account, bob: Account
) -> None:
    """For others, admins too, it does not exist."""
    url = archive(ada, ids=[upload(ada, picture(20), visibility="public")])["url"]

    for account in (bob, admin):
        assert_problem(account.client.get(url), 404, "not_found")
    assert client_of(guarded).get(url).status_code == 401
    assert ada.client.get(f"{ARCHIVES}/{NO_ID}").status_code == 404


def test_pages_of_other_sites_start_no_download(guarded: Server, ada: Account) -> None:
    """It occupies the server, so it is checked as a change is."""
    browser = browser_of(guarded, "ada")
    body = {"ids": [upload(ada, picture(22))]}
    url = browser.post(ARCHIVES, json=body, headers={"sec-fetch-site": "same-origin"}).json()["url"]

    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        assert browser.get(url, headers={"sec-fetch-site": site}).status_code == status


def test_damaged_images_are_left_out_and_named(ada: Account) -> None:
    """The others are complete."""
    broken, sound = upload(ada, damaged(3), "broken.webp"), upload(ada, picture(21), "sound.jpg")

    found = files(ada, ids=[broken, sound], preset="thumbnail")

    assert list(found) == ["sound.jpg", "left-out.txt"]
    assert found["left-out.txt"].startswith(b"broken.webp: ")


@pytest.mark.breadth
def test_many_images_are_streamed_without_accounts(make_server: MakeServer) -> None:
    """More than one batch of rows; the archive is made by any local program."""
    server = make_server(workers=1, eager_presets="[]")
    entries = [("file", ("same.jpg", picture(1, (8, 8)))) for _ in range(60)]
    for _ in range(2):
        assert server.client.post("/api/v1/images", files=entries).status_code == 207

    made = server.client.post(ARCHIVES, json={"q": ""}).json()
    found = opened(server.client.get(made["url"]))

    assert made["count"] == len(found.infolist()) == 120
    assert len({info.filename for info in found.infolist()}) == 120


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"), ({"ids": []}, "ids"), ({"ids": [NO_ID] * 1001}, "ids"),
        ({"ids": [NO_ID], "q": "x"}, "body"), ({"q": "nothing-is-found"}, "q"),
        ({"q": "x", "preset": "never-there"}, "preset"), ({"q": "date:13"}, "q:6"),
        ({"q": "x", "filter": {"collection": 3}}, "filter.collection"), ({"q": 3}, "q"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(ada: Account, body: dict[str, Any], place: str) -> None:
    """An empty archive, too."""
    answer = ada.client.post(ARCHIVES, json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"] == place


def test_ids_of_hidden_images_are_not_found(ada: Account, bob: Account) -> None:
    """As ids that do not exist are; nothing is made."""
    hidden = upload(bob, picture(30), visibility="private")
    mine = upload(ada, picture(31))
    trashed = upload(ada, picture(32))
    ada.client.post("/api/v1/images/actions/trash", json={"ids": [trashed]})

    for other in (hidden, NO_ID, "nonsense"):
        answer = ada.client.post(ARCHIVES, json={"ids": [mine, other]})
        assert assert_problem(answer, 404, "not_found")["errors"][0]["loc"] == "ids.1"
    answer = ada.client.post(ARCHIVES, json={"ids": [mine, trashed]})
    assert assert_problem(answer, 409, "conflict")["errors"][0]["loc"] == "ids.1"
