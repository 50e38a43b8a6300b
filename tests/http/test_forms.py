"""Forms as upload widgets, browsers and mail-like clients really send them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.asking import (
    BOUNDARY,
    assert_problem,
    file_part,
    multipart,
    orphans,
    picture,
    post_multipart,
)
from tests.server import Server

pytestmark = pytest.mark.joint

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
WIDGETS: dict[str, list[tuple[str, str]]] = {
    "Uppy": [("relativePath", "null"), ("name", "a.jpg"), ("type", "image/jpeg")],
    "FilePond": [("filepond", "{}")],
    "Dropzone": [
        ("dzuuid", "6d1f0c1e"), ("dzchunkindex", "0"), ("dztotalfilesize", "900"),
        ("dzchunksize", "2000000"), ("dztotalchunkcount", "1"), ("dzchunkbyteoffset", "0"),
    ],
    "a browser": [("_charset_", "UTF-8"), ("MAX_FILE_SIZE", "1000000"), ("submit", "Send")],
    "a framework": [("csrfmiddlewaretoken", "x" * 64), ("authenticity_token", "y"), ("", "z")],
    "the same name twice": [("options", "a"), ("options", "b")],
}  # fmt: skip


def field_part(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


def taken(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    return image


@pytest.mark.parametrize("fields", WIDGETS.values(), ids=WIDGETS.keys())
def test_unknown_fields_are_ignored(server: Server, fields: list[tuple[str, str]]) -> None:
    """Before the file and after it; those known here count beside them."""
    before, after = fields[:1], fields[1:]
    parts = [
        *(field_part(name, value.encode()) for name, value in before),
        field_part("title", b"Kept"),
        file_part(picture(40)),
        *(field_part(name, value.encode()) for name, value in after),
    ]

    assert taken(post_multipart(server, multipart(*parts)))["title"] == "Kept"


def test_an_ignored_field_need_not_be_text(server: Server) -> None:
    """What is not read has no encoding."""
    body = multipart(field_part("token", b"\xff\x00"), file_part(picture(41)))

    taken(post_multipart(server, body))


def test_ignored_data_is_bounded(server: Server) -> None:
    """Neither bytes nor parts without end."""
    large = multipart(field_part("x", b"x" * (1 << 20) + b"y"), file_part(picture(42)))
    many = multipart(*[field_part("x", b"")] * 1001, file_part(picture(42)))

    for body in (large, many):
        assert_problem(post_multipart(server, body), 400, "invalid_request")
    assert orphans(server) == []


@pytest.mark.parametrize("name", ["visibilty", "Visibility", "share_locations", "sharelocation"])
def test_misspelt_privacy_fields_are_refused(server: Server, name: str) -> None:
    """A misspelt `visibility=private` must not make an image public."""
    body = multipart(field_part(name, b"private"), file_part(picture(43)))

    document = assert_problem(post_multipart(server, body), 400, "invalid_request")

    assert document["errors"][0]["loc"] == name


def test_repeated_tags_add_up(server: Server) -> None:
    """As selects, check boxes and lists of clients send them."""
    body = multipart(
        field_part("tags", b"sea, sand"),
        field_part("tags", b"sun"),
        field_part("tags[]", b"wind"),
        file_part(picture(44)),
    )

    assert taken(post_multipart(server, body))["tags"] == ["sea", "sand", "sun", "wind"]


def test_repeated_tags_have_the_bound_of_one_field(server: Server) -> None:
    """However many parts they come in."""
    body = multipart(*[field_part("tags", b"x" * 3000)] * 2, file_part(picture(45)))

    assert_problem(post_multipart(server, body), 400, "invalid_request")


@pytest.mark.parametrize(
    "preamble", [b"This is a message in MIME format.\r\n", b"\r\n", b"a\r\n\r\n--b\r\n" * 99]
)
def test_a_preamble_is_ignored(server: Server, preamble: bytes) -> None:
    """RFC 2046, section 5.1.1; it comes in a piece of its own, or byte by byte."""
    body = preamble + multipart(file_part(picture(46)))
    cut = len(preamble) + 4
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}

    for pieces in ([body], [body[:cut], body[cut:]], [*map(bytes, zip(body[:cut])), body[cut:]]):
        taken(server.client.post("/images", content=iter(pieces), headers=headers))


def test_a_preamble_is_bounded(server: Server) -> None:
    """A body without a boundary is no form, however long."""
    answer = post_multipart(server, b"x" * 100_000 + b"\r\n" + multipart(file_part(picture(47))))

    assert "boundary" in assert_problem(answer, 400, "invalid_request")["detail"]


NAMES = {
    b"filename*=UTF-8''Stra%C3%9Fe.jpg": "Straße.jpg",
    b"filename*=iso-8859-1'de'Stra%DFe.jpg": "Straße.jpg",
    b"filename=\"Stra_e.jpg\"; filename*=UTF-8''Stra%C3%9Fe.jpg": "Straße.jpg",
    b"filename=\"a.jpg\"; filename*=koi8-r''%C1.jpg": "a.jpg",
    b'filename="5%22 disk 100%25.jpg"': '5" disk 100%25.jpg',
    b'filename="5\\" disk.jpg"': '5" disk.jpg',
    b'filename="=?utf-8?B?U3RyYcOfZS5qcGc=?="': "Straße.jpg",
    b'filename="=?iso-8859-1?Q?Stra=DFe_1.jpg?="': "Straße 1.jpg",
    b'filename="=?no-such-charset?Q?a.jpg?="': "=?no-such-charset?Q?a.jpg?=",
    b'filename="=?utf-8?B?!?="': None,
    b"filename=\"a; filename*=UTF-8''b.jpg\"": "a; filename*=UTF-8''b.jpg",
}


@pytest.mark.parametrize(("disposition", "name"), NAMES.items())
def test_file_names_in_every_encoding(server: Server, disposition: bytes, name: str | None) -> None:
    """Browsers, libraries for mail, and .NET write them differently."""
    body = multipart(file_part(picture(48), b'name="file"; ' + disposition))

    image = taken(post_multipart(server, body))

    assert name is None or image["filename"] == name


def test_a_long_file_name_is_cut_and_a_very_long_one_is_named(server: Server) -> None:
    """The answer says what is too long."""
    cut = multipart(file_part(picture(49), b'name="f"; filename="%b.jpg"' % (b"x" * 7000)))
    long = multipart(file_part(picture(49), b'name="f"; filename="%b.jpg"' % (b"x" * 9000)))

    assert len(taken(post_multipart(server, cut))["filename"]) <= 255
    document = assert_problem(post_multipart(server, long), 400, "invalid_request")
    assert "names" in document["detail"]


def submit(server: Server, accept: str, *files: bytes) -> httpx2.Response:
    parts = [("file", ("a.jpg", content)) for content in files]
    headers = {"accept": accept}
    return server.client.post("/images", files=parts, data={"submit": "Send"}, headers=headers)


def test_a_browser_form_is_redirected_to_the_picture(server: Server) -> None:
    """303, so that a reload does not upload once more."""
    answer = submit(server, BROWSER, picture(50))

    assert answer.status_code == 303
    assert answer.content == b""
    shown = server.client.get(answer.headers["location"])
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/json, text/html", "text/html;q=0, */*"]
)
def test_programs_are_answered_in_json(server: Server, accept: str) -> None:
    """These are clients that do not prefer HTML."""
    assert submit(server, accept, picture(51)).status_code == 201


def test_requests_without_a_picture_to_show_are_answered_in_json(server: Server) -> None:
    """Several files and errors; and a raw body comes from no form."""
    assert submit(server, BROWSER, picture(52), picture(53)).status_code == 207
    assert_problem(submit(server, BROWSER, b"no picture"), 415, "unsupported_media_type")
    headers = {"accept": BROWSER, "content-type": "image/jpeg"}
    taken(server.client.post("/images", content=picture(54), headers=headers))
