"""The trash over HTTP: who sees what is in it, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.accounts import client_of
from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture
from tests.http.people import People, upload
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

ACTIONS = "/api/v1/images/actions"
EMPTY = "/api/v1/trash/actions/empty"
TRASH = "/api/v1/images?trash=true&limit=200"
PICTURES = ("/images/{}", "/images/{}?w=50", "/images/{}/thumbnail", "/blurred-images/{}")


def moved(client: httpx2.Client, action: str, *ids: str) -> list[int]:
    """Put images into the trash or restore them; returns the status of each."""
    answer = client.post(f"{ACTIONS}/{action}", json={"ids": ids})
    assert answer.status_code == 207, answer.text
    data = answer.json()["data"]
    assert [entry["id"] for entry in data] == list(ids)
    for entry in data:
        assert (entry["problem"] is None) == (entry["status"] == 204)
    return [entry["status"] for entry in data]


def listed(client: httpx2.Client, url: str) -> list[str]:
    """The ids on a page."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return [image["id"] for image in answer.json()["data"]]


def show(client: httpx2.Client, image_id: str) -> dict[str, Any]:
    """An image as JSON."""
    answer = client.get(f"/api/v1/images/{image_id}")
    assert answer.status_code == 200, answer.text
    image: dict[str, Any] = answer.json()
    return image


def test_an_image_goes_into_the_trash_and_comes_back_as_it_was(server: Server) -> None:
    """Nothing of it has changed, also not its version, on which an editor may wait."""
    image_id = server.upload(picture(1), tags="sea", visibility="unlisted")["id"]
    until(lambda: show(server.client, image_id)["status"] == "succeeded")
    before = show(server.client, image_id)

    assert moved(server.client, "trash", image_id) == [204]
    trashed = show(server.client, image_id)
    assert trashed["trashed_at"] is not None
    assert {**trashed, "trashed_at": None} == before
    assert image_id in listed(server.client, TRASH)
    assert image_id not in listed(server.client, "/api/v1/images?limit=200")

    assert moved(server.client, "restore", image_id) == [204]
    assert show(server.client, image_id) == before
    assert image_id not in listed(server.client, TRASH)
    assert image_id in listed(server.client, "/api/v1/images?limit=200")
    edit = server.client.patch(
        f"/api/v1/images/{image_id}", json={"title": "x"}, headers={"if-match": '"1"'}
    )
    assert edit.status_code == 200


def test_each_image_succeeds_or_fails_alone(people: People) -> None:
    """Doing it twice is no error; nobody moves the image of another user."""
    mine, public = upload(people.ann, 1)["id"], upload(people.bob, 2)["id"]
    private = upload(people.bob, 3, visibility="private")["id"]
    nobodys = "01900000-0000-7000-8000-000000000000"

    for action in ("trash", "trash", "restore", "restore"):
        statuses = moved(people.ann, action, mine, public, private, nobodys, "x", mine)
        assert statuses == [204, 403, 404, 404, 404, 204]

    assert show(people.bob, public)["trashed_at"] is None
    assert show(people.bob, private)["trashed_at"] is None
    assert moved(people.bob, "trash", public) == [204]
    assert moved(people.ann, "restore", public) == [404]
    assert moved(people.admin, "restore", public) == [204]


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["x"] * 1001}, {"ids": ["x"], "q": "sea"}]
)
def test_a_body_without_ids_is_refused(server: Server, body: dict[str, Any]) -> None:
    """As for other actions."""
    for action in ("trash", "restore"):
        answer = server.client.post(f"{ACTIONS}/{action}", json=body)
        assert_problem(answer, 400, "invalid_request")


def test_the_images_of_a_search_go_into_the_trash(people: People) -> None:
    """One's own, however many batches they are; an admin names the owner of others."""
    mine = [upload(people.ann, n, title="ibis")["id"] for n in range(3)]
    other = upload(people.ann, 3, title="stork")["id"]
    bobs = upload(people.bob, 4, title="ibis")["id"]
    bob = people.bob.get("/api/v1/users/me").json()["id"]

    def found(client: httpx2.Client, **body: Any) -> list[str]:
        answer = client.post(f"{ACTIONS}/trash", json=body)
        assert answer.status_code == 207, answer.text
        assert {entry["status"] for entry in answer.json()["data"]} <= {204}
        return [entry["id"] for entry in answer.json()["data"]]

    assert found(people.ann, q="ibis", filter={"visibility": "private"}) == []
    assert found(people.admin, q="ibis") == []
    assert set(found(people.ann, q="ibis")) == set(mine)
    assert found(people.ann, q="ibis") == []
    assert set(mine) <= set(listed(people.ann, TRASH))
    assert show(people.ann, other)["trashed_at"] is None
    assert show(people.bob, bobs)["trashed_at"] is None
    refused = people.ann.post(f"{ACTIONS}/trash", json={"q": "ibis", "filter": {"owner": bob}})
    assert_problem(refused, 403, "forbidden")
    assert_problem(people.ann.post(f"{ACTIONS}/trash", json={"q": "date:x"}), 400, "invalid_query")
    assert_problem(people.ann.post(f"{ACTIONS}/restore", json={"q": ""}), 400, "invalid_request")
    assert found(people.admin, q="ibis", filter={"owner": bob}) == [bobs]
    assert moved(people.ann, "restore", *mine) == [204] * 3


@pytest.mark.parametrize("path", represented(PICTURES, "/images/{}?w=50", "/images/{}"))
def test_pictures_in_the_trash_exist_for_their_owner_only(people: People, path: str) -> None:
    """Not from memory, by a condition, by a range or by a signed URL; and again when restored."""
    image_id = upload(people.ann, 4)["id"]
    stranger, url = client_of(people.server), path.format(image_id)
    etag = [stranger.get(url).headers["etag"] for _ in range(3)][-1]
    signed = people.server.cli("sign", url, "--expires-in", "1h").stdout.strip()
    assert stranger.get(signed).status_code == 200

    for action, status in (("trash", 404), ("restore", 200), ("trash", 404)):
        moved(people.ann, action, image_id)
        for client in (people.bob, stranger):
            for asked in (url, signed, url):
                assert client.get(asked).status_code == status
                assert client.head(asked).status_code == status
            for headers, good in (
                ({"if-none-match": etag}, 304), ({"range": "bytes=0-9"}, 206),
                ({"if-match": etag}, 200),
            ):  # fmt: skip
                conditional = client.get(url, headers=headers)
                assert conditional.status_code == (good if status == 200 else 404)
        for owner in (people.ann, people.admin):
            mine = owner.get(url)
            assert mine.status_code == 200
            if status == 404:
                for shown in (mine, owner.get(signed)):
                    assert shown.headers["cache-control"] == "private, no-cache"
                    assert shown.headers["cross-origin-resource-policy"] == "same-site"


def test_what_is_in_the_trash_is_answered_like_what_does_not_exist(people: People) -> None:
    """Status and body are those for an id that was never used."""
    image_id = upload(people.ann, 5)["id"]
    moved(people.ann, "trash", image_id)
    none = "01900000-0000-7000-8000-000000000000"
    paths = (*PICTURES, "/api/v1/images/{}", "/api/v1/images/{}/variants")

    for client in (people.bob, client_of(people.server)):
        for path in paths:
            trashed, absent = (client.get(path.format(id_)) for id_ in (image_id, none))
            assert (trashed.status_code, trashed.text) == (absent.status_code, absent.text)
            assert trashed.status_code in {401, 404}


def test_the_trash_is_the_requesters_own(people: People) -> None:
    """Whatever the visibility; an admin sees that of all, and each empties only their own."""
    anns, bobs = upload(people.ann, 6)["id"], upload(people.bob, 7)["id"]
    moved(people.ann, "trash", anns)
    moved(people.bob, "trash", bobs)
    assert anns in listed(people.ann, TRASH)
    assert bobs not in listed(people.ann, TRASH)
    assert {anns, bobs} <= set(listed(people.admin, TRASH))

    people.admin.post(EMPTY)
    anns_trash = listed(people.ann, TRASH)
    assert people.ann.post(EMPTY).json() == {"deleted": len(anns_trash)}

    assert listed(people.ann, TRASH) == []
    assert people.ann.get(f"/api/v1/images/{anns}").status_code == 404
    assert show(people.bob, bobs)["trashed_at"] is not None
    assert moved(people.ann, "restore", anns) == [404]


def test_lists_of_the_trash_are_filtered_and_counted_but_not_searched(people: People) -> None:
    """It has one order, and searches never show it."""
    people.ann.post(EMPTY)
    public, private = (
        upload(people.ann, 8, visibility=visibility, title="walrus")["id"]
        for visibility in ("public", "private")
    )
    moved(people.ann, "trash", public)
    moved(people.ann, "trash", private)

    assert listed(people.ann, TRASH) == [private, public]
    assert listed(people.ann, f"{TRASH}&order=asc&sort=trashed") == [public, private]
    assert listed(people.ann, f"{TRASH}&visibility=public") == [public]
    assert people.ann.get(f"{TRASH}&total=true").json()["total"] == 2
    first = people.ann.get("/api/v1/images?trash=true&limit=1").json()
    rest = f"/api/v1/images?trash=true&limit=1&cursor={first['next_cursor']}"
    assert listed(people.ann, rest) == [public]
    assert listed(people.ann, "/api/v1/images?q=walrus") == []
    assert people.ann.get("/api/v1/images?q=walrus&total=true").json()["total"] == 0
    for wrong in (f"{TRASH}&q=walrus", f"{TRASH}&sort=size", "/api/v1/images?sort=trashed"):
        assert_problem(people.ann.get(wrong), 400, "invalid_request")


def test_what_is_in_the_trash_is_not_changed(people: People) -> None:
    """It would come back in another state than it was put there."""
    image_id = upload(people.ann, 9)["id"]
    collection = people.ann.post("/api/v1/collections", json={"title": "x"}).json()
    moved(people.ann, "trash", image_id)

    edit = people.ann.patch(f"/api/v1/images/{image_id}", json={"title": "y"})
    process = people.ann.post(f"{ACTIONS}/process", json={"id": image_id})
    add = people.ann.post(
        collection["links"]["images"], json={"data": [{"type": "images", "id": image_id}]}
    )

    assert_problem(edit, 409, "conflict")
    assert assert_problem(process, 409, "conflict")["errors"][0]["loc"] == "id"
    assert_problem(add, 404, "not_found")
    assert show(people.ann, image_id)["title"] != "y"


def test_a_collection_loses_what_is_in_the_trash_and_gets_it_back(people: People) -> None:
    """Its list, its number of images, and whether it can be deleted follow."""
    collection = people.ann.post("/api/v1/collections", json={"title": "x"}).json()
    url, inside = f"/api/v1/collections/{collection['id']}", collection["links"]["images"]
    image_id = upload(people.ann, 10, collection_id=collection["id"])["id"]

    moved(people.ann, "trash", image_id)
    assert (people.ann.get(url).json()["image_count"], listed(people.ann, inside)) == (0, [])
    assert listed(people.ann, f"/api/v1/images?collection={collection['id']}") == []
    assert show(people.ann, image_id)["collection_id"] == collection["id"]
    moved(people.ann, "restore", image_id)
    assert (people.ann.get(url).json()["image_count"], listed(people.ann, inside)) == (
        1, [image_id],
    )  # fmt: skip
    assert people.ann.delete(url).status_code == 409
    moved(people.ann, "trash", image_id)
    assert people.ann.delete(url).status_code == 204
    moved(people.ann, "restore", image_id)

    assert show(people.ann, image_id)["collection_id"] is None


def test_deleting_stays_final_and_works_in_the_trash(people: People) -> None:
    """DELETE is immediate, for images in the trash, too."""
    first, second = upload(people.ann, 11)["id"], upload(people.ann, 12)["id"]
    moved(people.ann, "trash", first, second)

    assert people.ann.delete(f"/api/v1/images/{first}").status_code == 204
    entries = people.ann.post(f"{ACTIONS}/delete", json={"ids": [second]}).json()["data"]

    assert entries[0]["status"] == 204
    for image_id in (first, second):
        assert people.ann.get(f"/api/v1/images/{image_id}").status_code == 404
        assert moved(people.ann, "restore", image_id) == [404]


def test_the_quota_counts_the_trash(people: People) -> None:
    """Until it is emptied."""

    def images() -> int:
        count: int = people.ann.get("/api/v1/users/me").json()["usage"]["image_count"]
        return count

    before = images()
    image_id = upload(people.ann, 13)["id"]
    moved(people.ann, "trash", image_id)
    assert images() == before + 1
    deleted = people.ann.post(EMPTY).json()["deleted"]

    assert images() == before + 1 - deleted


def test_moves_are_events(people: People) -> None:
    """One for each image that was moved, none for those that were there already."""
    image_id = upload(people.ann, 14)["id"]
    events = "/api/v1/events?types=image.trashed,image.restored,image.deleted&last_event_id=0"

    for action in ("trash", "trash", "restore", "restore", "trash"):
        moved(people.ann, action, image_id)
    people.ann.delete(f"/api/v1/images/{image_id}")

    found: list[str] = []
    with people.ann.stream("GET", events) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and image_id in line:
                event = json.loads(line.removeprefix("data: "))
                assert event["data"] == {
                    "image_id": image_id, "url": f"/api/v1/images/{image_id}",
                }  # fmt: skip
                found.append(event["type"])
            if len(found) == 4:
                break
    assert found == ["image.trashed", "image.restored", "image.trashed", "image.deleted"]


def test_the_job_of_an_image_in_the_trash_ends(server: Server) -> None:
    """Its variants are there when it is restored."""
    image = server.upload(picture(16))
    moved(server.client, "trash", image["id"])

    assert server.finished(image["job"]["id"])["status"] == "succeeded"

    moved(server.client, "restore", image["id"])
    stored = server.client.get(f"/api/v1/images/{image['id']}/variants").json()["data"]
    assert len(stored) == 2
    assert show(server.client, image["id"])["palette"]


def test_a_repeated_upload_does_not_restore_the_image(server: Server) -> None:
    """Its answer is the first one, with the same image, which stays in the trash."""
    sent: dict[str, Any] = {"content": picture(17), "headers": {"idempotency-key": "in-the-trash"}}
    first = server.client.post("/images", **sent)
    moved(server.client, "trash", first.json()["id"])

    again = server.client.post("/images", **sent)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert show(server.client, first.json()["id"])["trashed_at"] is not None
    assert first.json()["id"] not in listed(server.client, "/api/v1/images?limit=200")


def test_the_trash_of_another_user_goes_to_the_new_owner(people: People) -> None:
    """It is not lost with its owner, and counts as what they own."""
    made = people.admin.post("/api/v1/users", json={"name": "cleo"}).json()
    body = {"name": "k", "scopes": ["read", "upload", "manage"], "user_id": made["id"]}
    cleo = client_of(people.server, people.admin.post("/api/v1/api-keys", json=body).json()["key"])
    image_id = upload(cleo, 15)["id"]
    moved(cleo, "trash", image_id)
    bob = people.bob.get("/api/v1/users/me").json()["id"]

    assert people.admin.delete(f"/api/v1/users/{made['id']}").status_code == 409
    done = people.admin.delete(f"/api/v1/users/{made['id']}?images_to={bob}")

    assert done.status_code == 204
    assert image_id in listed(people.bob, TRASH)
    assert moved(people.bob, "restore", image_id) == [204]


def files(server: Server) -> set[str]:
    """Blobs and variants on disk."""
    return server.blobs() | server.stored("variants")


@pytest.mark.breadth
def test_the_trash_is_emptied_after_its_retention(make_server: MakeServer) -> None:
    """Nothing is left on disk (invariant 6), but what another image shares."""
    server = make_server(trash_retention="1ms", gc_interval="200ms")
    gone, shared, kept = (server.upload(picture(seed)) for seed in (1, 2, 2))
    for image in (gone, shared, kept):
        server.finished(image["job"]["id"])
    assert gone["sha256"] in server.blobs()

    moved(server.client, "trash", gone["id"], shared["id"])
    until(lambda: not listed(server.client, TRASH))

    until(lambda: gone["sha256"] not in files(server))
    for image in (gone, shared):
        for path in (*PICTURES, "/api/v1/images/{}"):
            assert server.client.get(path.format(image["id"])).status_code == 404
    assert server.client.get(f"/images/{kept['id']}").content == picture(2)
    assert server.client.get(f"/images/{kept['id']}/thumbnail").status_code == 200
    assert server.blobs() == {kept["sha256"]}
    assert server.cli("check").returncode == 0


@pytest.mark.breadth
def test_gc_empties_what_is_due(make_server: MakeServer) -> None:
    """Beside a running server, which then knows the image no more; other images stay."""
    server = make_server()
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    moved(server.client, "trash", image["id"])
    for path in PICTURES:  # what may be remembered, is
        assert server.client.get(path.format(image["id"])).status_code == 200
    assert "0 expired or trashed images" in server.cli("gc").stdout
    assert server.cli("check").returncode == 0
    (server.data_dir.parent / "imagesvc.toml").write_text('trash_retention = "1ms"\n')

    assert "1 expired or trashed images would be" in server.cli("gc", "--dry-run").stdout
    assert len(listed(server.client, TRASH)) == 1
    assert "1 expired or trashed images removed" in server.cli("gc", "--grace", "0s").stdout

    for path in (*PICTURES, "/api/v1/images/{}"):
        assert server.client.get(path.format(image["id"])).status_code == 404
    assert listed(server.client, TRASH) == []
    until(lambda: not files(server))
