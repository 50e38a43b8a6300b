"""Uploads: which files are accepted or refused, why, and that a refusal leaves no data."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.http.asking import (
    TEXT,
    assert_problem,
    connected,
    file_part,
    images_count,
    multipart,
    noise,
    orphans,
    picture,
    post_multipart,
    send_raw,
)
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

PLACES = ["/images", "/api/v1/images", "/api/v1/images/actions/upload"]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
KIB_100 = 100 * 1024


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that accepts files of up to 100 KiB, three at a time."""
    place = tmp_path_factory.mktemp("small") / "data"
    server = Server(place, max_upload_size="100KiB", max_files=3, workers=1)
    yield server.start()
    server.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("field", ["file", "image", "files[]", "", "täglich"])
def test_a_file_is_accepted_in_a_part_of_any_name(server: Server, place: str, field: str) -> None:
    """Forms and client libraries name the file field differently."""
    answer = server.client.post(place, files={field: ("beach.jpg", picture(1))})

    image = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/images/{image['id']}"
    assert image["filename"] == "beach.jpg"
    assert (image["format"], image["width"], image["height"]) == ("jpeg", 640, 400)


@pytest.mark.parametrize("place", PLACES)
def test_the_bytes_may_be_the_whole_body(server: Server, place: str) -> None:
    """`curl --data-binary @beach.jpg` is the shortest upload."""
    content = picture(2)
    headers = {"content-type": "image/jpeg"}

    answer = server.client.post(f"{place}?filename=beach.jpg", content=content, headers=headers)

    image = answer.json()
    assert answer.status_code == 201
    assert (image["filename"], image["title"]) == ("beach.jpg", "beach")
    assert server.client.get(image["urls"]["original"]).content == content


def test_an_uploaded_image_is_described_whole(server: Server) -> None:
    """A client needs no second request to show what it has just uploaded."""
    image = server.upload(picture(3), "a b.jpg", title="Sea")

    assert set(image) >= {
        "id", "filename", "title", "description", "tags", "status", "format", "content_type",
        "width", "height", "frames", "bytes", "sha256", "exif", "visibility", "collection_id",
        "owner_id", "created_at", "updated_at", "completed_at", "urls", "job",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}", image["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", image["created_at"])
    assert image["urls"]["thumbnail"] == f"/images/{image['id']}/thumbnail"
    assert image["job"]["status"] == "pending"


def test_fields_describe_the_file_in_any_order(server: Server) -> None:
    """A form may send its text fields after the file."""
    field = b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'
    parts = [
        field % (b"title", b"Das Meer"),
        file_part(picture(4)),
        field % (b"description", "Früh am Tag #Sea #früh, not a/#b".encode()),
        field % (b"tags", b"Summer, sea ,,"),
        field % (b"visibility", b"private"),
    ]

    image = post_multipart(server, multipart(*parts)).json()

    assert (image["title"], image["visibility"]) == ("Das Meer", "private")
    assert image["description"].startswith("Früh am Tag")
    assert image["tags"] == ["summer", "sea", "früh"]


def test_query_parameters_describe_a_raw_body(server: Server) -> None:
    """A body that is the file has no place for fields."""
    query = "filename=x.jpg&title=T&description=about+%23hills&tags=a,b&visibility=unlisted"

    image = server.client.post(f"/api/v1/images?{query}", content=picture(5)).json()

    assert (image["title"], image["visibility"]) == ("T", "unlisted")
    assert image["tags"] == ["a", "b", "hills"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("visibility", "secret"),
        ("visibility", "x" * 101),
        ("title", "x" * 1001),
        ("title", "nul\0"),
        ("description", "x" * 20_001),
        ("tags", ",".join("ab" * 40 for _ in range(2))),
        ("tags", ",".join(f"t{number}" for number in range(101))),
        ("collection_id", "0190c0de-0000-7000-8000-000000000000"),
    ],
)
@pytest.mark.parametrize("way", ["part", "query"])
def test_a_field_that_breaks_its_rules_is_named(
    server: Server, name: str, value: str, way: str
) -> None:
    """No data of an upload with an invalid field is kept."""
    before = images_count(server)
    file = {"file": ("a.jpg", picture(6))}

    if way == "part":
        answer = server.client.post("/api/v1/images", files=file, data={name: value})
    else:
        answer = server.client.post("/api/v1/images", files=file, params={name: value})

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [name]
    assert images_count(server) == before


def test_a_misspelt_parameter_is_refused(server: Server) -> None:
    """The query is strict; a form may have fields of other programs."""
    file = {"file": ("a.jpg", picture(6))}

    answer = server.client.post("/api/v1/images", files=file, params={"titel": "a slip"})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "titel"


def test_a_field_given_twice_is_refused(server: Server) -> None:
    """It is unclear which of two titles is meant."""
    field = b'Content-Disposition: form-data; name="title"\r\n\r\nT'

    answer = post_multipart(server, multipart(field, field, file_part(picture(7))))

    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("name", ["tags", "tags[]"])
def test_tags_given_several_times_in_the_query_add_up(server: Server, name: str) -> None:
    """They are added to the parts of a form; other parameters may be given once."""
    twice = {name: ["sea,sand", "sun"]}
    file = {"file": ("a.jpg", picture(8))}

    raw = server.client.post("/images", content=picture(8), params=twice)
    both = server.client.post("/images", params=twice, files=file, data={"tags": "form"})
    titles = server.client.post("/images", content=picture(8), params={"title": ["a", "b"]})

    assert raw.json()["tags"] == ["sea", "sand", "sun"]
    assert both.json()["tags"] == ["sea", "sand", "sun", "form"]
    document = assert_problem(titles, 400, "invalid_request")
    assert document["detail"] == "title is given twice in the query."


def test_tags_that_add_up_to_too_many_are_refused(server: Server) -> None:
    """The limit applies to all tags together."""
    params = {"tags": [f"t{number}" for number in range(101)]}

    answer = server.client.post("/images", content=picture(9), params=params)

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "tags"


def test_several_files_are_answered_one_by_one_in_order(server: Server) -> None:
    """One invalid file of ten must not affect the other nine, nor their order."""
    files = [
        ("a", ("one.jpg", picture(10))),
        ("b", ("two.txt", TEXT)),
        ("a", ("three.png", picture(11, kind="PNG"))),
        ("c", ("four.jpg", b"")),
        ("c", ("five.jpg", picture(12)[:3000])),
        ("c", ("six.jpg", picture(13))),
    ]

    answer = server.client.post("/api/v1/images", files=files, data={"tags": "lot"})

    entries = answer.json()["data"]
    assert answer.status_code == 207
    assert [entry["status"] for entry in entries] == [201, 415, 201, 400, 422, 201]
    problems = [entry["problem"]["code"] for entry in entries if entry["problem"]]
    assert problems == ["unsupported_media_type", "empty_file", "corrupt_image"]
    taken = [entry["image"] for entry in entries if entry["image"]]
    assert [image["filename"] for image in taken] == ["one.jpg", "three.png", "six.jpg"]
    assert all(image["tags"] == ["lot"] for image in taken)
    for image in taken:
        assert server.finished(image["job"]["id"])["status"] == "succeeded"
    assert orphans(server) == []


def test_a_file_too_large_does_not_stop_those_beside_it(small: Server) -> None:
    """It is skipped, for every order of parts."""
    files = [
        ("f", ("large.jpg", picture(20) + bytes(KIB_100))),
        ("f", ("fits.jpg", picture(21))),
    ]

    entries = small.client.post("/images", files=files).json()["data"]

    assert [entry["status"] for entry in entries] == [413, 201]
    assert entries[0]["problem"]["code"] == "file_too_large"


def test_more_files_than_allowed_are_refused_together(small: Server) -> None:
    """The cost of a request is limited, and it is not accepted partly."""
    before = images_count(small)
    files = [("f", (f"{number}.jpg", picture(number))) for number in range(4)]

    answer = small.client.post("/images", files=files)

    assert_problem(answer, 400, "invalid_request")
    assert images_count(small) == before
    assert orphans(small) == []


def test_empty_parts_count_as_files(small: Server) -> None:
    """Otherwise a request of a few megabytes could open a hundred thousand files."""
    part = file_part(b"", b'name="f"; filename=""')

    answer = post_multipart(small, multipart(*[part] * 4))

    assert_problem(answer, 400, "invalid_request")


def test_an_empty_file_input_is_not_a_file(server: Server) -> None:
    """Browsers send an empty part without a name for it."""
    empty = file_part(b"", b'name="second"; filename=""')

    assert post_multipart(server, multipart(empty, file_part(picture(22)))).status_code == 201
    assert_problem(post_multipart(server, multipart(empty)), 400, "no_file")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty_file"),
        (TEXT, 415, "unsupported_media_type"),
        (SVG, 415, "unsupported_media_type"),
        (b"\0" * 5000, 415, "unsupported_media_type"),
        (b"\xff\xd8\xff", 422, "corrupt_image"),
        (picture(23)[:3000], 422, "corrupt_image"),
        (picture(23, kind="PNG")[:300], 422, "corrupt_image"),
    ],
    ids=["empty", "text", "svg", "zeros", "three bytes", "half a jpeg", "half a png"],
)
@pytest.mark.parametrize("way", ["part", "body"])
def test_an_incomplete_image_is_refused_and_leaves_nothing(
    server: Server, content: bytes, status: int, code: str, way: str
) -> None:
    """The error has the reason, regardless of name and type; no row, blob or file is kept."""
    blobs, images = server.blobs(), images_count(server)

    if way == "part":
        files = {"file": ("fine.jpg", content, "image/jpeg")}
        answer = server.client.post("/api/v1/images", files=files)
    else:
        headers = {"content-type": "image/jpeg"}
        answer = server.client.post("/api/v1/images", content=content, headers=headers)

    assert_problem(answer, status, code)
    assert server.blobs() == blobs
    assert images_count(server) == images
    assert orphans(server) == []


def test_a_request_without_a_file_is_an_error(server: Server) -> None:
    """An empty form and an empty body are the most common mistakes."""
    assert_problem(server.client.post("/api/v1/images"), 400, "no_file")
    assert_problem(post_multipart(server, multipart(end=b"--")), 400, "no_file")


def test_the_limit_is_exact(small: Server) -> None:
    """A file of exactly the limit is accepted; one more byte is not."""
    content = picture(24)
    content += bytes(KIB_100 - len(content))

    for wrap in (bytes, lambda body: iter([body])):  # with a Content-Length, and chunked
        assert small.client.post("/images", content=wrap(content)).status_code == 201
        answer = small.client.post("/images", content=wrap(content + b"\0"))
        assert_problem(answer, 413, "file_too_large")


def test_a_length_over_the_limit_is_refused_unread(small: Server) -> None:
    """A client that waits for `100 Continue` need not send the gigabyte."""
    head = b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 1000000000\r\n"

    for more in (b"\r\n", b"Expect: 100-continue\r\n\r\n"):
        answer = send_raw(small, head + more)

        assert answer is not None
        assert answer.status == 413
        assert answer.all("connection") == ["close"]


@pytest.mark.parametrize("way", ["part", "body", "chunked"])
def test_a_file_over_the_limit_is_cut_off(small: Server, way: str) -> None:
    """Within some megabytes above the limit, the client can still read the error.

    No data is kept.
    """
    blobs, content = small.blobs(), picture(25) + bytes(3 << 20)

    if way == "part":
        answer = small.client.post("/images", files={"file": ("a.jpg", content)})
    elif way == "body":
        answer = small.client.post("/images", content=content)
    else:
        answer = small.client.post("/images", content=iter([content[:9], content[9:], b"\0"]))

    assert_problem(answer, 413, "file_too_large")
    assert small.blobs() == blobs
    assert orphans(small) == []


def test_a_chunked_body_is_accepted(server: Server) -> None:
    """A streaming client does not know the length in advance."""
    content = picture(26)

    answer = server.client.post("/images", content=iter([content[:100], content[100:]]))

    assert answer.status_code == 201
    assert answer.json()["bytes"] == len(content)


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    """If fewer bytes arrive than Content-Length declares, the connection was lost."""
    blobs, images = server.blobs(), images_count(server)
    content = noise((1200, 900))  # more than what is buffered in memory
    head = b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: %d\r\n\r\n" % (
        len(content) + 9
    )

    with connected(server) as connection:
        connection.sendall(head + content)
        until(lambda: any((server.data_dir / "tmp").iterdir()) or len(content) < 1 << 18)

    assert orphans(server) == []
    assert server.blobs() == blobs
    assert images_count(server) == images


def test_a_length_that_promises_too_little_cuts_the_file(server: Server) -> None:
    """The bytes after the declared length are not part of the image."""
    content = picture(28)
    head = b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: %d\r\n\r\n" % (
        len(content) // 2
    )

    answer = send_raw(server, head + content)

    assert answer is not None
    assert answer.status in {400, 422}
    assert orphans(server) == []
