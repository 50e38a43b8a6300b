"""Buckets: their URLs, and objects in a service with the interface of S3."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import anyio
import pytest

from imagesvc.errors import (
    BucketForbids,
    BucketFull,
    BucketUnavailable,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.failures import named_failures
from imagesvc.store.objects.opening import open_bucket
from imagesvc.syntax.bucket_url import BucketUrl, parse_bucket_url
from tests.s3 import make_bucket, s3_server

if TYPE_CHECKING:
    from obstore.store import S3Store


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


async def everything(bucket: Bucket, prefix: str = "", after: str | None = None) -> list[str]:
    return [found.key async for some in bucket.list(prefix, after=after) for found in some]


def test_a_url_names_bucket_prefix_and_service() -> None:
    """Slashes at the ends of the prefix do not count, and the text names the same bucket."""
    text = "s3://photos/a%20b//c/?endpoint=https://s3.example.org/&region=auto"
    url = parse_bucket_url(text)

    assert url == BucketUrl("photos", "a b/c", "https://s3.example.org", "auto")
    assert parse_bucket_url("s3://photos") == BucketUrl("photos")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://photos/", "must begin with s3://"),
        ("s3:///prefix", "must name a bucket"),
        ("s3://key:secret@photos/", "must not contain credentials"),
        ("s3://photos/a/../b", "without the segments"),
        ("s3://photos/%2e%2e/b", "without the segments"),
        ("s3://photos/?secret_access_key=x", "unknown option secret_access_key"),
        ("s3://photos/?region=a&region=b", "one value for region"),
        ("s3://photos/?region=x.example.org/", "a region of letters"),
        ("s3://photos/?endpoint=ftp://a", "begins with http"),
        ("s3://photos/?endpoint=http://key:secret@a", "endpoint without credentials"),
        ("s3://photos/a b", "spaces"),
    ],
)
def test_a_wrong_url_is_refused_with_the_reason(text: str, reason: str) -> None:
    """The message never repeats the URL, which may have a secret."""
    with pytest.raises(InvalidRequest, match=reason) as refused:
        open_bucket(text)

    assert "x" not in refused.value.detail.split()
    assert "key:secret" not in refused.value.detail


def test_objects_are_written_listed_read_and_removed(endpoint: str, tmp_path: Path) -> None:
    """Keys are relative to the prefix; a list continues after a key."""
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 40_000)  # sent in parts

    async def scenario() -> None:
        bucket = open_bucket(make_bucket(endpoint, "objects", "some/prefix"))
        await bucket.put("a/1", b"one")
        await bucket.put("a/2", large)
        await bucket.put("ab/3", b"")

        assert await everything(bucket) == ["a/1", "a/2", "ab/3"]
        assert await everything(bucket, "a") == ["a/1", "a/2"]
        assert await everything(bucket, after="a/1") == ["a/2", "ab/3"]
        assert [size async for (_, size) in _sizes(bucket)] == [3, 10_240_000, 0]
        assert await bucket.read("a/1") == b"one"
        assert b"".join([piece async for piece in bucket.stream("a/2")]) == large.read_bytes()
        listed = [item async for chunk in bucket.list() for item in chunk]
        assert [await bucket.find(key) for key in ("a/1", "a/none")] == [listed[0], None]
        whole = open_bucket(f"s3://objects?endpoint={endpoint}&region=us-east-1")
        assert (await whole.find("some/prefix/a/1")) is not None
        with pytest.raises(NotFound):
            await bucket.read("a/none")

        await bucket.delete(["a/1", "a/none"])
        assert await everything(bucket) == ["a/2", "ab/3"]

    anyio.run(scenario)


async def _sizes(bucket: Bucket) -> AsyncIterator[tuple[str, int]]:
    async for some in bucket.list():
        for found in some:
            yield found.key, found.bytes


def test_only_the_first_creates_an_object(endpoint: str) -> None:
    """What a lock needs."""

    async def scenario() -> None:
        bucket = open_bucket(make_bucket(endpoint, "locks"))
        assert await bucket.create("lock", b"first")
        assert not await bucket.create("lock", b"second")
        assert await bucket.read("lock") == b"first"

    anyio.run(scenario)


def test_errors_name_the_bucket_and_the_reason(endpoint: str) -> None:
    """No bucket, no service."""

    async def scenario() -> None:
        for url, reason in (
            (f"s3://nothing?endpoint={endpoint}&region=us-east-1", "no such bucket"),
            ("s3://nothing?endpoint=http://127.0.0.1:1&region=us-east-1", "s3://nothing/"),
        ):
            with pytest.raises(Unavailable, match=reason):
                await open_bucket(url).put("a", b"")

    anyio.run(scenario)


class Failure(Exception):
    """The library's base class of errors."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            Failure("GET x - Server returned non-2xx status code: 403 Forbidden: <x>body"),
            "status 403",
        ),
        (Failure("GET x - Server returned error response: <x>body"), "the request failed"),
        (ValueError("year 99999 is out of range: body"), "out of range"),
    ],
)
def test_errors_have_no_text_of_the_answer(error: Exception, reason: str) -> None:
    """A bucket may be on any host."""

    async def listing(*_arguments: object, **_options: object) -> AsyncIterator[list[object]]:
        raise error
        yield []

    library = SimpleNamespace(list=listing, exceptions=SimpleNamespace(BaseError=Failure))
    bucket = Bucket(parse_bucket_url("s3://photos"), cast("S3Store", None), library)

    with pytest.raises(Unavailable, match=reason) as raised:
        anyio.run(everything, bucket)

    assert "body" not in raised.value.detail


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ("403 Forbidden: <Error><Code>QuotaExceeded</Code>", BucketFull, "quota is used up"),
        ("507 Insufficient Storage: ", BucketFull, "it is full"),
        (
            "403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code>",
            BucketUnavailable,
            "the clock of this machine",
        ),
        ("403 Forbidden: <Error><Code>AccessDenied</Code>", BucketForbids, "not permit this"),
        ("request failed for key a: Access Denied (code: AccessDenied)", BucketForbids, "permit"),
        ("403 Forbidden: <Error><Code>Hidden</Code>", BucketUnavailable, r"\(status 403\)"),
        ("500 Internal Server Error: ", BucketUnavailable, "status 500"),
    ],
)
def test_the_reason_of_a_refusal_says_what_an_operator_must_do(
    answer: str, kind: type[Unavailable], reason: str
) -> None:
    """A full bucket is a full disk for clients; only known names are repeated."""
    failure = Failure(f"PUT x - Server returned non-2xx status code: {answer}")
    library = SimpleNamespace(exceptions=SimpleNamespace(BaseError=Failure))

    with (
        pytest.raises(kind, match=reason) as raised,
        named_failures("s3://photos", "s3", library),
    ):
        raise failure

    assert "Hidden" not in raised.value.detail


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library is imported only here."""
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(Unavailable, match=r"pip install 'imagesvc\[s3\]'"):
        open_bucket("s3://photos")
