"""Opening a bucket of Amazon S3, of a service with the same interface, of Google or of Azure.

The extra `s3` installs the library, which is imported when the first bucket is opened. Credentials
are those that the cloud's own tools use: for S3 `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`,
with `AWS_SESSION_TOKEN` if necessary, or those of the machine's role.

The endpoint is not compared with private addresses here: those of backups are named by operators.
What opens the bucket of a watched source checks it, and gives a proxy that leads nowhere else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagesvc.errors import InvalidRequest, Unavailable
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.failures import METADATA_SERVICE
from imagesvc.syntax.bucket_url import OPTIONS, BucketUrl, parse_bucket_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Store

MISSING = "Buckets need the extra s3: pip install 'imagesvc[s3]'."
CREDENTIAL_HOSTS = f"{METADATA_SERVICE},169.254.170.2"
"""The service of a machine's role, and that of containers."""
MAX_REASON = 300
BLOB_BUCKET = "The bucket of blob_url"
"""In errors, which strangers may read: they must not learn its address."""
OPERATORS_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Variables of the environment that name a service, as for Amazon's tools."""
CLASSES = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}
NAMES = {"account": "account_name"}
"""Options whose name is another one in the library."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The times of requests to a bucket."""

    connect: timedelta
    whole: timedelta
    """For one request with its answer: a part of a large object, or a small object."""
    silence: timedelta | None
    """For the head of an answer, and between two pieces of its body."""
    retries: int
    retrying: timedelta
    """No request is sent again when the first was sent longer ago."""


PATIENT = Limits(
    connect=timedelta(seconds=5),
    whole=timedelta(minutes=5),
    silence=None,
    retries=4,
    retrying=timedelta(seconds=60),
)
"""For backups and watched sources, which may wait."""
PROMPT = Limits(
    connect=timedelta(seconds=3),
    whole=timedelta(hours=6),  # clients may read slowly
    silence=timedelta(seconds=15),
    retries=3,
    retrying=timedelta(seconds=8),
)
"""For blobs and variants, for which people wait."""


def is_operators(endpoint: str | None) -> bool:
    """Whether this is the service that the environment names, or Amazon's."""
    named = {os.environ.get(name, "").rstrip("/") for name in OPERATORS_ENDPOINTS}
    return endpoint is None or endpoint in named


def open_bucket(text: str, proxy: str | None = None) -> Bucket:
    """The bucket of a URL of S3, for a backup or a source; nothing is sent to it yet.

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
    return _open(url, PATIENT, proxy)


def open_blob_bucket(text: str, limits: Limits = PROMPT, *, endpoint: str | None = None) -> Bucket:
    """The bucket that the setting `blob_url` names; nothing is sent to it yet.

    Args:
        text: the URL.
        limits: the times of requests.
        endpoint: the address of the service, if it is not that of the URL.

    Raises:
        InvalidRequest: the URL is wrong; the message does not repeat it, since it may have a
            secret.
        Unavailable: the library is not installed, or refuses what the environment has.
    """
    try:
        url = parse_bucket_url(text, tuple(OPTIONS))
    except ValueError as error:
        raise InvalidRequest(f"blob_url {error}.") from error
    try:
        return _open(replace(url, endpoint=endpoint or url.endpoint), limits, name=BLOB_BUCKET)
    except Unavailable as error:
        raise Unavailable(f"blob_url: {error.detail}") from error


def _open(url: BucketUrl, limits: Limits, proxy: str | None = None, name: str = "") -> Bucket:
    try:
        library = import_module("obstore")
    except ImportError as error:
        raise Unavailable(MISSING) from error
    stores = import_module("obstore.store")
    options = {name: value for name in OPTIONS[url.scheme] if (value := getattr(url, name))}
    try:
        store: S3Store = getattr(stores, CLASSES[url.scheme])(
            url.bucket,
            prefix=url.prefix or None,
            config={NAMES.get(name, name): value for name, value in options.items()},
            client_options=_client(url, limits, proxy),
            retry_config=_retries(limits),
        )
    except (library.exceptions.BaseError, ValueError) as error:
        line = str(error).partition("\n")[0].strip().rstrip(".")
        raise Unavailable(f"{url} cannot be opened: {line[:MAX_REASON]}.") from error
    return Bucket(url, store, library, name)


def _client(url: BucketUrl, limits: Limits, proxy: str | None) -> ClientConfig:
    options: dict[str, Any] = {
        "allow_http": (url.endpoint or "").startswith("http://"),
        "connect_timeout": limits.connect,
        "timeout": limits.whole,
    }
    if limits.silence:
        options["read_timeout"] = limits.silence
    if proxy:
        options |= {"proxy_url": proxy, "proxy_excludes": CREDENTIAL_HOSTS}
    return options  # type: ignore[return-value]  # its type is not there when this runs


def _retries(limits: Limits) -> RetryConfig:
    return {"max_retries": limits.retries, "retry_timeout": limits.retrying}
