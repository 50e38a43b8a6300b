"""Images as JSON: the list and its pages, one image, its variants, and their end."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, images_count, picture, send_raw
from tests.server import Server
from tests.waiting import until


@pytest.fixture(scope="module")
def ids(server: Server) -> list[str]:
    """The ids of seven images, in the order of their upload."""
    return [server.upload(picture(seed), f"{seed}.jpg")["id"] for seed in range(7)]


def listed(answer: httpx2.Response) -> list[str]:
    """The ids on a page."""
    return [item["id"] for item in answer.json()["data"]]


def test_the_newest_image_is_first(server: Server, ids: list[str]) -> None:
    """Who has just uploaded looks for it at the top."""
    answer = server.client.get("/api/v1/images")

    assert listed(answer) == ids[::-1]
    assert answer.json()["next_cursor"] is None
    assert "link" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_an_image_reads_the_same_listed_and_alone(server: Server, ids: list[str]) -> None:
    """A list is as good as asking for each."""
    for image_id in ids:
        server.finished(server.client.get(f"/api/v1/images/{image_id}").json()["job"]["id"])

    page = server.client.get("/api/v1/images").json()["data"]

    assert page == [
        server.client.get(f"/api/v1/images/{image_id}").json() for image_id in ids[::-1]
    ]
    assert {image["status"] for image in page} == {"succeeded"}
    assert all(image["completed_at"] >= image["created_at"] for image in page)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
def test_following_the_link_visits_every_image_once(
    server: Server, ids: list[str], limit: int
) -> None:
    """This holds for every page size; the Link header and the cursor agree (RFC 8288)."""
    seen: list[str] = []
    url: str | None = f"/api/v1/images?limit={limit}"

    while url:
        answer = server.client.get(url)
        seen += listed(answer)
        assert 0 < len(listed(answer)) <= limit
        cursor = answer.json()["next_cursor"]
        url = answer.links["next"]["url"] if "next" in answer.links else None
        assert (url is None) == (cursor is None)
        assert url is None or url == f"/api/v1/images?limit={limit}&cursor={cursor}"

    assert seen == ids[::-1]


def test_pages_do_not_shift_when_images_are_added_or_deleted(make_server: MakeServer) -> None:
    """A cursor is a place in the list, not a count of what is before it."""
    server = make_server(workers=1)
    first, second, third, fourth = (server.upload(picture(seed))["id"] for seed in range(4))
    page = server.client.get("/api/v1/images?limit=2")
    assert listed(page) == [fourth, third]

    newest = server.upload(picture(9))["id"]
    server.client.delete(f"/api/v1/images/{third}")

    assert listed(server.client.get(page.links["next"]["url"])) == [second, first]
    assert listed(server.client.get("/api/v1/images?limit=2")) == [newest, fourth]


@pytest.mark.parametrize("place", ["images", "jobs"])
@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1e2", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00%FF", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("offset=3", "offset"),
        ("limit=3&limit=4", "limit"),
        ("Limit=3", "Limit"),
    ],
)
def test_a_list_parameter_that_breaks_its_rules_is_named(
    server: Server, place: str, query: str, loc: str
) -> None:
    """No requested parameter is silently ignored."""
    answer = server.client.get(f"/api/v1/{place}?{query}")

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [loc]


@pytest.mark.parametrize("host", ["[", "evil.example/x?w=1", "a b", "", "\xff"])
def test_the_host_field_has_no_effect(server: Server, ids: list[str], host: str) -> None:
    """A URL derived from it would poison caches in front of the service."""
    for target, header in ((f"/images/{ids[0]}?w=33", "etag"), ("/api/v1/images?limit=1", "link")):
        plain = server.client.get(target).headers[header]

        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        answer = send_raw(server, request.encode("latin-1"))

        assert answer is not None
        assert answer.status in {200, 400, 403}
        assert answer.all(header) in ([plain], [])


UNKNOWN = "0190c0de-0000-7000-8000-000000000000"
IMPOSSIBLE = [
    UNKNOWN,
    "1",
    "{" + UNKNOWN + "}",
    UNKNOWN.replace("-", ""),
    f"urn:uuid:{UNKNOWN}",
    UNKNOWN.replace("0190c0de", "0190C0DE"),
    f" {UNKNOWN}",
    f"{UNKNOWN}%0A",
    f"{UNKNOWN}%00",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f..%2fimagesvc.db",
    "%FF",
    "\u0660" * 8 + UNKNOWN[8:],
    "a" * 5000,
    "' OR '1'='1",
]


@pytest.mark.parametrize(
    "image_id", represented(IMPOSSIBLE, *(IMPOSSIBLE[at] for at in (0, 2, 8, 10, 13)))
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/images/{}"),
        ("HEAD", "/images/{}?w=10"),
        ("GET", "/images/{}/thumbnail"),
        ("GET", "/blurred-images/{}"),
        ("GET", "/api/v1/images/{}"),
        ("DELETE", "/api/v1/images/{}"),
        ("GET", "/api/v1/images/{}/variants"),
        ("DELETE", "/api/v1/images/{}/variants"),
        ("GET", "/api/v1/jobs/{}"),
        ("DELETE", "/api/v1/jobs/{}"),
        ("POST", "/api/v1/jobs/{}/retry"),
    ],
)
def test_an_id_that_names_nothing_is_not_found(
    server: Server, image_id: str, method: str, path: str
) -> None:
    """Nor is one that cannot be an id anything else; other spellings of one name nothing."""
    answer = server.client.request(method, path.format(image_id))

    assert answer.status_code == 404
    if method != "HEAD":
        assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("spell", [str.upper, "{{{}}}".format, lambda text: text.replace("-", "")])
def test_an_image_has_one_url(server: Server, ids: list[str], spell: Any) -> None:
    """Other spellings of its id are not found, so that no cache holds it twice."""
    assert_problem(server.client.get(f"/images/{spell(ids[0])}"), 404, "not_found")
    assert_problem(server.client.get(f"/api/v1/images/{spell(ids[0])}"), 404, "not_found")


def test_variants_are_listed_as_they_are_stored(server: Server) -> None:
    """With their size, where they are, and a URL that gives just this one."""
    image = server.upload(picture(20))
    server.finished(image["job"]["id"])
    asked = server.client.get(f"/images/{image['id']}?w=99&format=webp")
    place = f"/api/v1/images/{image['id']}/variants"

    variants = server.client.get(place).json()["data"]

    assert len(variants) == 3  # the two eager presets and this one
    made = next(variant for variant in variants if variant["format"] == "webp")
    assert (made["width"], made["height"]) == (99, 62)
    assert made["bytes"] == len(asked.content)
    assert made["tiers"] == ["memory", "disk"]
    again = server.client.get(made["url"])
    assert again.content == asked.content
    assert again.headers["etag"] == asked.headers["etag"]
    assert len(server.client.get(place).json()["data"]) == 3


def test_purged_variants_are_made_again(server: Server) -> None:
    """Purging frees space; it breaks no URL, and the same transform makes the same bytes."""
    image = server.upload(picture(21))
    server.finished(image["job"]["id"])
    urls = [f"/images/{image['id']}{rest}" for rest in ("/thumbnail", "?w=98", "?w=98")]
    before = [server.client.get(url).content for url in urls]
    place = f"/api/v1/images/{image['id']}/variants"
    assert len(server.client.get(place).json()["data"]) == 3
    files = server.stored("variants")

    purged = server.client.delete(place)

    assert purged.json() == {"deleted": 3}
    assert server.client.get(place).json()["data"] == []
    assert len(files - server.stored("variants")) == 3
    assert [server.client.get(url).content for url in urls] == before


def test_a_deleted_image_is_gone_from_every_url(server: Server) -> None:
    """From memory and disk, whether asked for before or not (invariant 6)."""
    image = server.upload(picture(22))
    server.finished(image["job"]["id"])
    image_id, job_id = image["id"], image["job"]["id"]
    urls = [
        f"/images/{image_id}", f"/images/{image_id}?w=97", f"/images/{image_id}?w=96",
        f"/images/{image_id}/thumbnail", f"/images/{image_id}/preview",
        f"/blurred-images/{image_id}", f"/api/v1/images/{image_id}",
        f"/api/v1/images/{image_id}/variants", f"/api/v1/jobs/{job_id}",
    ]  # fmt: skip
    etags = [server.client.get(url).headers.get("etag", "*") for url in urls * 2]
    count = images_count(server)

    deleted = server.client.delete(f"/api/v1/images/{image_id}")

    assert deleted.status_code == 204
    assert deleted.content == b""
    for url, etag in zip(urls, etags, strict=False):
        assert_problem(server.client.get(url), 404, "not_found")
        conditional = server.client.get(url, headers={"if-none-match": etag})
        assert_problem(conditional, 404, "not_found")
    assert images_count(server) == count - 1
    assert image["sha256"] not in server.blobs()
    assert_problem(server.client.delete(f"/api/v1/images/{image_id}"), 404, "not_found")


def test_an_image_survives_the_deletion_of_another_with_the_same_bytes(server: Server) -> None:
    """Images may share a blob, and variants; the last one takes them with it."""
    one, two = (server.upload(picture(23)) for _ in range(2))
    for twin in (one, two):
        server.client.get(f"/images/{twin['id']}?w=95")

    server.client.delete(f"/api/v1/images/{one['id']}")

    assert server.client.get(f"/images/{one['id']}?w=95").status_code == 404
    assert server.client.get(f"/images/{two['id']}?w=95").status_code == 200
    assert server.client.get(f"/images/{two['id']}").content == picture(23)
    server.client.delete(f"/api/v1/images/{two['id']}")
    until(lambda: two["sha256"] not in server.blobs())


def test_metadata_is_always_sent_as_it_is_now(server: Server) -> None:
    """Its entity tag is the version of what people edit, and is for `If-Match` alone.

    The progress of a job changes the representation without it, and no stored time tells of all
    changes: there is no date (RFC 9110, section 8.8.2), and no 304.
    """
    image = server.upload(picture(77))
    url = f"/api/v1/images/{image['id']}"
    etag = server.client.get(url).headers["etag"]
    server.finished(image["job"]["id"])
    later = {"if-none-match": etag, "if-modified-since": "Fri, 31 Dec 2099 23:59:59 GMT"}

    answer = server.client.get(url, headers=later)
    job = server.client.get(f"/api/v1/jobs/{image['job']['id']}", headers=later)

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert (job.status_code, job.json()["status"]) == (200, "succeeded")
    assert answer.headers["etag"] == etag
    for each in (answer, job):
        assert "last-modified" not in each.headers
        assert each.headers["cache-control"] == "no-store"


def test_an_edit_depends_only_on_its_version(server: Server) -> None:
    """A date is ignored for resources without one (RFC 9110, section 13.1.4)."""
    url = f"/api/v1/images/{server.upload(picture(78))['id']}"
    old = {"if-unmodified-since": "Sat, 01 Jan 2000 00:00:00 GMT"}
    etag = server.client.get(url).headers["etag"]

    by_date = server.client.patch(url, json={"title": "new"}, headers=old)
    by_both = server.client.patch(url, json={"title": "b"}, headers=old | {"if-match": etag})

    assert by_date.status_code == 200
    assert_problem(by_both, 412, "precondition_failed")
