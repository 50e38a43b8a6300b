"""Objects in a bucket of Amazon S3, or of a service with the same interface.

The extra `s3` installs the library, which is imported when the first bucket is opened. Credentials
are those that Amazon's tools use: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with
`AWS_SESSION_TOKEN` if necessary, or those of the machine's role.

The endpoint is not compared with private addresses here: those of backups are named by operators.
What opens the bucket of a watched source checks it, and gives a proxy that leads nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagesvc.errors import InvalidRequest, NotFound, Unavailable
from imagesvc.syntax.bucket_url import BucketUrl, parse_bucket_url

if TYPE_CHECKING:
    from obstore.store import S3Store

MISSING = "Buckets need the extra s3: pip install 'imagesvc[s3]'."
NO_CREDENTIALS = (
    "there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
)
METADATA_SERVICE = "169.254.169.254"
"""Where a machine of Amazon has the credentials of its role; asked when there are no others."""
CREDENTIAL_HOSTS = f"{METADATA_SERVICE},169.254.170.2"
"""This service, and that of containers."""
LIST_CHUNK = 1000
READ_BYTES = 1 << 20
MAX_REASON = 300
STATUS = re.compile(r"status code: ([0-9]{3})\b")
OPERATORS_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Variables of the environment that name a service, as for Amazon's tools."""
CONNECT_TIMEOUT = timedelta(seconds=5)
TIMEOUT = timedelta(minutes=5)
"""The limit for one request: a part of a large object, or a small object."""
RETRIES = 4
RETRY_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket; `tag` changes when its bytes change."""

    key: str
    bytes: int
    modified: datetime
    tag: str | None


class Bucket:
    """The objects below the prefix of one bucket; keys are relative to the prefix."""

    def __init__(self, url: BucketUrl, store: S3Store, library: Any) -> None:
        self.url = url
        self._store = store
        self._library = library

    async def list(
        self, prefix: str = "", *, after: str | None = None
    ) -> AsyncIterator[list[StoredObject]]:
        """Everything below a folder, in the order of the keys, some at a time.

        Args:
            prefix: whole segments of the key: `a` has `a/b` and not `ab`.
            after: a key; only those that follow it are listed.
        """
        chunks = self._library.list(
            self._store, prefix or None, offset=after, chunk_size=LIST_CHUNK
        )
        with self._errors():
            async for chunk in chunks:
                yield [_stored(meta) for meta in chunk]

    async def find(self, key: str) -> StoredObject | None:
        """An object without its bytes; None when there is no such object."""
        with contextlib.suppress(NotFound), self._errors():
            return _stored(await self._library.head_async(self._store, key))
        return None

    async def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            NotFound: there is no such object.
        """
        with self._errors():
            found = await self._library.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """An object in pieces of about a mebibyte.

        Raises:
            NotFound: there is no such object.
        """
        with self._errors():
            found = await self._library.get_async(self._store, key)
            async for piece in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(piece)

    async def put(self, key: str, source: Path | bytes) -> None:
        """Store an object, which replaces another of this key; a large one is sent in parts."""
        with self._errors():
            await self._library.put_async(self._store, key, source)

    async def create(self, key: str, source: bytes) -> bool:
        """Store a small object if there is none of this key; returns whether it was stored."""
        with self._errors():
            try:
                await self._library.put_async(
                    self._store, key, source, mode="create", use_multipart=False
                )
            except self._library.exceptions.AlreadyExistsError:
                return False
        return True

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are ignored."""
        with contextlib.suppress(NotFound), self._errors():
            if keys:
                await self._library.delete_async(self._store, [*keys])

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the library's errors into ours; the library's is the cause."""
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise Unavailable(f"{self.url}: there is no such bucket.") from error
            raise NotFound(f"{self.url} does not have this object.") from error
        except (ValueError, OverflowError) as error:  # such as a time that no date can have
            raise Unavailable(f"{self.url}: its answer has a value out of range.") from error
        except self._library.exceptions.BaseError as error:
            raise Unavailable(f"{self.url}: {_reason(error)}.") from error


def _stored(meta: Mapping[str, Any]) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


def _reason(error: Exception) -> str:
    """What failed, without any text of the answer: the host may be any, and the reader too."""
    text = str(error)
    if METADATA_SERVICE in text:
        return NO_CREDENTIALS
    if status := STATUS.search(text):
        return f"the service answers with status {status[1]}"
    if "HTTP error: " in text:
        return "the service cannot be reached, or breaks the connection"
    return "the request failed"


def is_operators(endpoint: str | None) -> bool:
    """Whether this is the service that the environment names, or Amazon's."""
    named = {os.environ.get(name, "").rstrip("/") for name in OPERATORS_ENDPOINTS}
    return endpoint is None or endpoint in named


def open_bucket(text: str, proxy: str | None = None) -> Bucket:
    """The bucket of a URL; nothing is sent to it yet.

    Args:
        text: the URL.
        proxy: the URL of a proxy for all requests but those for the credentials of the machine.

    Raises:
        InvalidRequest: the URL is wrong.
        Unavailable: the library is not installed.
    """
    try:
        url = parse_bucket_url(text)
    except ValueError as error:
        raise InvalidRequest(f"The URL of the bucket {error}.") from error
    try:
        library = import_module("obstore")
    except ImportError as error:
        raise Unavailable(MISSING) from error
    return Bucket(url, _store(url, proxy), library)


def _store(url: BucketUrl, proxy: str | None) -> S3Store:
    stores = import_module("obstore.store")
    config: dict[str, Any] = {}
    if url.endpoint:
        config["endpoint"] = url.endpoint
    if url.region:
        config["region"] = url.region
    try:
        store: S3Store = stores.S3Store(
            url.bucket,
            prefix=url.prefix or None,
            config=config,
            client_options={
                "allow_http": (url.endpoint or "").startswith("http://"),
                "connect_timeout": CONNECT_TIMEOUT,
                "timeout": TIMEOUT,
                **({"proxy_url": proxy, "proxy_excludes": CREDENTIAL_HOSTS} if proxy else {}),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )
    except (import_module("obstore.exceptions").BaseError, ValueError) as error:
        line = str(error).partition("\n")[0].strip().rstrip(".")
        raise Unavailable(f"{url} cannot be opened: {line[:MAX_REASON]}.") from error
    return store
