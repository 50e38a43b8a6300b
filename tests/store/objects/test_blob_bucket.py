"""The bucket for blobs and variants: opening, uploads that fail, presigned requests."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from imagesvc.errors import InvalidRequest, NotFound, Unavailable
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.opening import PROMPT, open_blob_bucket
from tests.cut_proxy import CutProxy, cut_proxy
from tests.radosgw import Radosgw
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
KEY = "blobs/one"
LARGE = bytes(range(256)) * (160 << 10)
IMPATIENT = replace(
    PROMPT, silence=timedelta(seconds=2), retries=2, retrying=timedelta(seconds=2)
)  # fmt: skip
"""For a service that fails; one that works may take longer on a busy machine."""
WITHIN_SECONDS = 10.0
"""An attempt that is silent, and another that began just before no more were allowed."""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/var/lib/imagesvc", "must begin with s3:// or gs:// or az://"),
        ("file:///var/lib", "must begin with s3://"),
        ("s3://key:hidden@photos/", "must not contain credentials: set AWS_ACCESS_KEY_ID"),
        ("gs://key:hidden@photos/", "must not contain credentials: set GOOGLE_APPLICATION_CRED"),
        ("gs://photos?endpoint=http://hidden", "unknown option endpoint; there are none"),
        ("az://photos?account=UPPER-hidden", "an account of 3 to 24"),
        ("s3://photos?endpoint=http://key:hidden@a", "endpoint without credentials"),
    ],
)
def test_a_wrong_url_is_refused_by_the_name_of_the_setting(text: str, reason: str) -> None:
    """The message does not repeat what may be a secret."""
    with pytest.raises(InvalidRequest, match=reason) as refused:
        open_blob_bucket(text)

    assert refused.value.detail.startswith("blob_url ")
    assert "hidden" not in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "s3://photos/a/b?endpoint=http://127.0.0.1:1&region=default",
        "az://photos/a?account=photos&endpoint=https://photos.example.org",
    ],
)
def test_buckets_of_several_services_are_opened(text: str) -> None:
    """Without a request; the text of the URL names the same bucket."""
    assert str(open_blob_bucket(text).url) == text


def test_what_the_library_refuses_is_said_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of Azure is in the URL, or in the environment."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    with pytest.raises(Unavailable, match=r"blob_url: az://photos/a cannot be opened: .*Account"):
        open_blob_bucket("az://photos/a")


@pytest.fixture(scope="module")
def proxy(radosgw: Radosgw) -> Iterator[CutProxy]:
    """A proxy before the service."""
    with cut_proxy(radosgw.port) as proxy:
        yield proxy


@pytest.fixture
def name(radosgw: Radosgw) -> str:
    """The name of an empty bucket."""
    return radosgw.make_bucket()


@pytest.fixture
def bucket(radosgw: Radosgw, proxy: CutProxy, name: str) -> Iterator[Bucket]:
    """It, by way of the proxy."""
    yield open_blob_bucket(radosgw.url(name, endpoint=proxy.address))
    proxy.heal()


@pytest.fixture
def impatient(radosgw: Radosgw, proxy: CutProxy, name: str) -> Bucket:
    """The same with short limits."""
    return open_blob_bucket(radosgw.url(name, endpoint=proxy.address), IMPATIENT)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is sent in eight parts."""
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    return path


async def read(bucket: Bucket, key: str = KEY) -> bytes:
    """The bytes of an object."""
    return b"".join([piece async for piece in bucket.stream(key)])


def left_in(radosgw: Radosgw, name: str) -> tuple[int, int]:
    """How many objects and incomplete uploads a bucket has."""
    client = radosgw.client()
    objects = client.list_objects_v2(Bucket=name)["KeyCount"]
    return objects, len(client.list_multipart_uploads(Bucket=name).get("Uploads", []))


async def passed(proxy: CutProxy, count: int, sending: asyncio.Future[None]) -> None:
    """Wait until an upload has sent so many more bytes through a proxy."""
    target = proxy.up.passed + count

    async def enough() -> bool:
        assert not sending.done()
        return proxy.up.passed >= target

    await until_async(enough)


@pytest.mark.cluster
async def test_a_cancelled_upload_leaves_neither_an_object_nor_parts(
    radosgw: Radosgw, proxy: CutProxy, bucket: Bucket, name: str, large: Path
) -> None:
    """Parts would take room that no list of objects shows."""
    sending = asyncio.ensure_future(bucket.put(KEY, large))
    await passed(proxy, 12 << 20, sending)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert left_in(radosgw, name) == (0, 0)


@pytest.mark.cluster
async def test_a_file_that_shrinks_while_it_is_sent_is_not_stored(
    radosgw: Radosgw, proxy: CutProxy, bucket: Bucket, name: str, large: Path
) -> None:
    """The size of what is stored is that of the file when it began."""
    proxy.hang_up_after(6 << 20)
    sending = asyncio.ensure_future(bucket.put(KEY, large))
    await passed(proxy, 5 << 20, sending)
    with large.open("r+b") as file:
        file.truncate(len(LARGE) - 1)
    proxy.heal()

    with pytest.raises(Unavailable, match="changed while it was sent"):
        await sending
    assert left_in(radosgw, name) == (0, 0)


HARMS_TO_UPLOADS: dict[str, Callable[[CutProxy, int], None]] = {
    "refused": lambda proxy, _: proxy.refuse(),
    "silent": CutProxy.hang_up_after,
    "cut": CutProxy.cut_up_after,
}
HARMS_TO_DOWNLOADS: dict[str, Callable[[CutProxy, int], None]] = {
    "refused": lambda proxy, _: proxy.refuse(),
    "silent": CutProxy.hang_down_after,
    "cut": CutProxy.cut_down_after,
}


@pytest.mark.cluster
@pytest.mark.parametrize("harm", HARMS_TO_UPLOADS)
@pytest.mark.parametrize("size", [5000, len(LARGE)])
async def test_a_failed_upload_is_reported_in_time_and_stores_nothing(
    proxy: CutProxy, bucket: Bucket, impatient: Bucket, large: Path, harm: str, size: int
) -> None:
    """It works again as soon as the service does."""
    os.truncate(large, size)
    HARMS_TO_UPLOADS[harm](proxy, size // 2)

    began = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached") as failed:
        await impatient.put(KEY, large)
    took = time.monotonic() - began
    proxy.heal()

    assert took < WITHIN_SECONDS
    assert "a-secret" not in failed.value.detail
    assert await impatient.find(KEY) is None
    await bucket.put(KEY, large)
    assert await read(bucket) == LARGE[:size]


@pytest.mark.cluster
@pytest.mark.parametrize("harm", HARMS_TO_DOWNLOADS)
async def test_a_download_that_fails_is_never_taken_for_a_whole_one(
    proxy: CutProxy, bucket: Bucket, impatient: Bucket, large: Path, harm: str
) -> None:
    """The stream raises, after whatever came before."""
    await bucket.put(KEY, large)
    HARMS_TO_DOWNLOADS[harm](proxy, len(LARGE) // 2)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await read(impatient)
    took = time.monotonic() - began
    proxy.heal()

    assert took < WITHIN_SECONDS
    assert await impatient.find(KEY) is not None
    assert await read(bucket) == LARGE


@pytest.mark.cluster
async def test_a_break_of_one_connection_is_not_noticed(
    proxy: CutProxy, bucket: Bucket, large: Path
) -> None:
    """A request is sent again, and the rest of a body is fetched by another."""
    proxy.cut_up_after(len(LARGE) // 2, once=True)
    await bucket.put(KEY, large)
    proxy.cut_down_after(len(LARGE) // 2, once=True)

    assert await read(bucket) == LARGE


@pytest.mark.cluster
async def test_the_reason_tells_wrong_credentials_from_a_missing_bucket(
    radosgw: Radosgw, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators read it."""
    missing = open_blob_bucket(radosgw.url("test-missing"))
    with pytest.raises(Unavailable, match="there is no such bucket"):
        await missing.check()
    there = open_blob_bucket(radosgw.url(name))
    await there.check()
    with pytest.raises(NotFound):
        await read(there)

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(Unavailable, match="the credentials are refused") as refused:
        await open_blob_bucket(radosgw.url(name)).check()
    assert "another-secret" not in refused.value.detail


@pytest.mark.cluster
async def test_presigned_requests_store_one_object_for_a_time(radosgw: Radosgw, name: str) -> None:
    """Clients send files without the credentials; changed and expired URLs are refused."""
    bucket = open_blob_bucket(radosgw.url(name))
    hour = timedelta(hours=1)
    url = await bucket.sign("PUT", "incoming/1", hour)
    signature = url.partition("Signature=")[2]
    swapped = ("0" if signature[0] != "0" else "1") + signature[1:]
    short = await bucket.sign("PUT", "incoming/1", timedelta(seconds=1))
    async with httpx.AsyncClient() as client:
        for wrong in (
            url.replace(signature, swapped),
            url.replace("incoming/1", "incoming/2"),
            await bucket.sign("GET", "incoming/1", hour),
        ):
            assert (await client.put(wrong, content=b"wrong")).status_code == 403

        async def is_expired() -> bool:
            return (await client.put(short, content=b"early")).status_code == 403

        await until_async(is_expired)
        assert (await client.put(url, content=b"sent")).is_success

    assert await bucket.read("incoming/1") == b"sent"
    assert "a-secret" not in url
