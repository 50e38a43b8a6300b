"""Multipart bodies, well and badly made."""

from __future__ import annotations

import pytest

from tests.http.asking import (
    BOUNDARY,
    TEXT,
    assert_problem,
    file_part,
    multipart,
    orphans,
    picture,
    post_multipart,
)
from tests.server import Server

pytestmark = pytest.mark.joint

PART = b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
MALFORMED = {
    "no body": b"",
    "no last boundary": multipart(file_part(picture(30)))[: -len(BOUNDARY) - 6],
    "ends in a part's header": f"--{BOUNDARY}\r\nContent-Disp".encode(),
    "another boundary": multipart(file_part(picture(30))).replace(BOUNDARY.encode(), b"other"),
    "no disposition": multipart(b"Content-Type: image/jpeg\r\n\r\n" + picture(30)),
    "another disposition": multipart(b"Content-Disposition: attachment\r\n\r\nx"),
    "no colon in a header": multipart(b"Content-Disposition form-data\r\n\r\nx"),
    "NUL in a header": multipart(b"Content-\0Disposition: form-data\r\n\r\nx"),
    "a huge header": multipart(PART + b"X: " + b"x" * 20_000 + b"\r\n\r\nx"),
    "a huge header name": multipart(PART + b"x" * 20_000 + b": x\r\n\r\nx"),
    "a huge file name": multipart(file_part(b"x", b'name="f"; filename="%s"' % (b"x" * 9000))),
    "very many headers": multipart(PART + b"X: x\r\nY: y\r\n" * 9000 + b"\r\nx"),
    "very many distinct headers": multipart(
        PART + b"".join(b"X%d: x\r\n" % number for number in range(999)) + b"\r\nx"
    ),
    "text": TEXT,
    "a field that is not UTF-8": multipart(
        b'Content-Disposition: form-data; name="title"\r\n\r\n\xff', file_part(picture(30))
    ),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_a_client_error(server: Server, body: bytes) -> None:
    """The response names every error of a form; it is never a 500."""
    answer = post_multipart(server, body)

    assert_problem(answer, 400, "invalid_request")
    assert orphans(server) == []


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        f"multipart/form-data; boundary={'x' * 300}",
        "multipart/form-data; charset=utf-8",
    ],
)
def test_multipart_needs_a_boundary(server: Server, content_type: str) -> None:
    """Setting the Content-Type by hand and forgetting the boundary is a classic."""
    headers = {"content-type": content_type}

    answer = server.client.post("/images", content=multipart(file_part(b"x")), headers=headers)

    document = assert_problem(answer, 400, "invalid_request")
    assert "boundary" in document["detail"]


def test_a_boundary_in_quotes_is_a_boundary(server: Server) -> None:
    """Some libraries always quote it, and upper case is as good for the type."""
    headers = {"content-type": f'Multipart/Form-Data; boundary="{BOUNDARY}"'}
    body = multipart(file_part(picture(31)))

    assert server.client.post("/images", content=body, headers=headers).status_code == 201


def test_a_file_may_contain_text_like_a_boundary(server: Server) -> None:
    """Only the whole marker at the start of a line ends a part."""
    content = picture(32) + f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n {BOUNDARY}--{BOUNDARY}".encode()

    answer = post_multipart(server, multipart(file_part(content)))

    assert answer.status_code == 201
    assert server.client.get(answer.json()["urls"]["original"]).content == content
