"""Conditional requests and ranges (RFC 9110, sections 13 and 14), cold and from memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from tests.http.asking import assert_problem, picture, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint

CONTENT = picture(1)
LAST = len(CONTENT) - 1
Ask = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def image(server: Server) -> dict[str, Any]:
    """An image whose original is `CONTENT`."""
    return server.upload(CONTENT, "beach.jpg")


@pytest.fixture(params=["original", "long way", "hot"])
def ask(request: pytest.FixtureRequest, server: Server, image: dict[str, Any]) -> Ask:
    """Requests an original or a variant; a private one always uses the normal route."""
    if request.param == "long way":
        image = server.upload(CONTENT, visibility="private")
    url = f"/images/{image['id']}{'' if request.param == 'original' else '?w=55'}"
    for _ in range(2):
        server.client.get(url)

    def asked(method: str = "GET", **headers: str) -> httpx2.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.client.request(method, url, headers=fields)

    return asked


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x" ,W/{} , "y"', "*", '"x",{}'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(ask: Ask, form: str, method: str) -> None:
    """304 with the headers that a cache refreshes, and no body (section 15.4.5)."""
    whole = ask()
    etag = whole.headers["etag"]

    answer = ask(method, if_none_match=form.format(etag))

    assert answer.status_code == 304
    assert answer.content == b""
    kept = ("etag", "cache-control", "content-disposition", "content-security-policy")
    assert {name: answer.headers[name] for name in kept} == {
        name: whole.headers[name] for name in kept
    }
    assert "content-type" not in answer.headers
    assert answer.headers.get("content-length", "0") in {"0", whole.headers["content-length"]}


@pytest.mark.parametrize("form", ['"x"', 'W/"x"', "", "x", '"x", "y"', "{bare}"])
def test_what_the_client_lacks_is_sent(ask: Ask, form: str) -> None:
    """Another entity tag, or a malformed one, gets the whole response."""
    etag = ask().headers["etag"]

    answer = ask(if_none_match=form.format(bare=etag.strip('"')))

    assert answer.status_code == 200
    assert answer.headers["etag"] == etag


def test_entity_tags_on_several_lines_are_one_list(server: Server, image: dict[str, Any]) -> None:
    """A field on two lines means their values joined by a comma (section 5.3)."""
    for url in (f"/images/{image['id']}", f"/images/{image['id']}?w=55"):
        etag = server.client.get(url).headers["etag"]
        for first, second in ((etag, '"x"'), ('"x"', etag)):
            lines = f"If-None-Match: {first}\r\nIf-None-Match: {second}\r\n"
            head = f"GET {url} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
            answer = send_raw(server, head.encode())

            assert answer is not None
            assert answer.status == 304


def test_a_304_renders_nothing(server: Server) -> None:
    """The entity tag is computed without the variant, so the request costs no decode."""
    image = server.upload(picture(2))
    server.finished(image["job"]["id"])
    etag = server.client.get(f"/images/{image['id']}?w=77").headers["etag"]
    variants = f"/api/v1/images/{image['id']}/variants"
    server.client.delete(variants)

    answer = server.client.get(f"/images/{image['id']}?w=77", headers={"if-none-match": etag})

    assert answer.status_code == 304
    assert server.client.get(variants).json()["data"] == []


@pytest.mark.parametrize("form", ["{}", "*", '"x", {}'])
def test_a_matching_if_match_changes_nothing(ask: Ask, form: str) -> None:
    """A resumed download uses it to make sure that the file is the same."""
    whole = ask()

    answer = ask(if_match=form.format(whole.headers["etag"]))

    assert answer.status_code == 200
    assert answer.content == whole.content


@pytest.mark.parametrize("form", ['"x"', "W/{}", "x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_failed_if_match_is_412(ask: Ask, form: str, method: str) -> None:
    """Weak tags never match strongly (section 13.1.1)."""
    etag = ask().headers["etag"]

    answer = ask(method, if_match=form.format(etag))

    assert answer.status_code == 412
    if method == "GET":
        assert_problem(answer, 412, "precondition_failed")


@pytest.mark.parametrize(
    ("field", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-199", 100, 200),
        (f"bytes={LAST}-", LAST, LAST + 1),
        ("bytes=500-", 500, LAST + 1),
        ("bytes=500-99999999", 500, LAST + 1),
        ("bytes=-100", LAST - 99, LAST + 1),
        ("bytes=-99999999", 0, LAST + 1),
        ("Bytes=0-9", 0, 10),
    ],
)
def test_a_range_of_an_original_is_sent(
    server: Server, image: dict[str, Any], field: str, start: int, stop: int
) -> None:
    """An interrupted download is resumed."""
    answer = server.client.get(f"/images/{image['id']}", headers={"range": field})

    assert answer.status_code == 206
    assert answer.content == CONTENT[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == f'"{image["sha256"]}"'


@pytest.mark.parametrize(
    "field",
    [
        "bytes=0-1,5-6", "bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "bytes 0-1", "pages=1-2",
        "bytes=0-99999999999999999999999", "",
    ],
)  # fmt: skip
def test_a_range_that_is_not_served_is_the_whole(ask: Ask, field: str) -> None:
    """Several ranges and malformed ones may be ignored (section 14.2)."""
    whole = ask()

    answer = ask(range=field)

    assert answer.status_code == 200
    assert answer.content == whole.content


@pytest.mark.parametrize("field", [f"bytes={LAST + 1}-", "bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(server: Server, image: dict[str, Any], field: str) -> None:
    """The response has the length of the file (section 15.5.17)."""
    answer = server.client.get(f"/images/{image['id']}", headers={"range": field})

    assert_problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_range_of_a_variant_is_sent(ask: Ask) -> None:
    """From memory or not, a part is a part of the same bytes."""
    whole = ask()

    answer = ask(range="bytes=10-19")

    assert answer.status_code == 206
    assert answer.content == whole.content[10:20]


def test_head_ignores_a_range(ask: Ask) -> None:
    """Ranges are defined for GET alone (section 14.2)."""
    whole = ask()

    answer = ask("HEAD", range="bytes=0-9")

    assert answer.status_code == 200
    assert answer.headers["content-length"] == whole.headers["content-length"]


def test_if_range_that_names_another_version_gets_the_whole(ask: Ask) -> None:
    """Otherwise a client would join parts of different files (section 13.1.5)."""
    whole = ask()
    etag = whole.headers["etag"]
    others = ['"x"', f"W/{etag}", "Sat, 31 Jan 2026 12:00:00 GMT"]

    statuses = [ask(range="bytes=0-9", if_range=other).status_code for other in others]

    assert statuses == [200, 200, 200]
    assert ask(range="bytes=0-9", if_range=etag).status_code == 206


def test_if_none_match_comes_before_the_range(ask: Ask) -> None:
    """A client that has the whole needs no part (section 13.2.2)."""
    etag = ask().headers["etag"]

    assert ask(if_none_match=etag, range="bytes=0-9").status_code == 304


def shifted(date: str, seconds: int) -> str:
    """An HTTP date this many seconds later."""
    return format_datetime(parsedate_to_datetime(date) + timedelta(seconds=seconds), usegmt=True)


def test_a_date_is_honoured(ask: Ask) -> None:
    """It is the time of the upload, which every response has, including 304 (section 8.8.2)."""
    date = ask().headers["last-modified"]

    assert parsedate_to_datetime(date) <= datetime.now(UTC)
    for method in ("GET", "HEAD"):
        for seconds, status in ((0, 304), (3600, 304), (-1, 200)):
            answer = ask(method, if_modified_since=shifted(date, seconds))
            assert answer.status_code == status
            assert answer.headers["last-modified"] == date


def test_an_entity_tag_goes_before_a_date(ask: Ask) -> None:
    """Section 13.2.2; browsers send both."""
    whole = ask()
    etag, date = whole.headers["etag"], whole.headers["last-modified"]

    assert ask(if_none_match='"x"', if_modified_since=date).status_code == 200
    assert ask(if_none_match=etag, if_modified_since=shifted(date, -9)).status_code == 304
    assert ask(if_match=etag, if_unmodified_since=shifted(date, -9)).status_code == 200


@pytest.mark.parametrize("date", ["", "yesterday", "0", "Thu, 99 Nov 2099 10:00:00 GMT", "9" * 99])
def test_an_invalid_date_is_ignored(ask: Ask, date: str) -> None:
    """Section 13.1.3."""
    assert ask(if_modified_since=date).status_code == 200
    assert ask(if_unmodified_since=date).status_code == 200


def test_a_change_after_a_date_is_a_failed_condition(ask: Ask) -> None:
    """Section 13.1.4."""
    date = ask().headers["last-modified"]

    assert ask(if_unmodified_since=date).status_code == 200
    answer = ask(if_unmodified_since=shifted(date, -1))
    assert_problem(answer, 412, "precondition_failed")
