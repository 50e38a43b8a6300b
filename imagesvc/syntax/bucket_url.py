"""URLs of buckets: `s3://bucket/prefix?endpoint=…&region=…`, and those of other services."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

S3 = "s3"
OPTIONS = {S3: ("endpoint", "region"), "gs": (), "az": ("account", "endpoint")}
"""The schemes, each with its options: Amazon S3, Google Cloud Storage, Azure Blob Storage."""
CREDENTIALS = {
    S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""The variables of the environment that have the credentials of each."""
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""It becomes a part of the host's name."""
ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """Where objects are: a bucket, and what the keys of all of them begin with."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    """The service that has the bucket; Amazon's without it."""
    region: str | None = None
    scheme: str = S3
    account: str | None = None
    """The storage account at Azure."""

    def __str__(self) -> str:
        options = {name: value for name in OPTIONS[self.scheme] if (value := getattr(self, name))}
        query = f"?{urlencode(options, safe=':/')}" if options else ""
        return f"{self.scheme}://{self.bucket}/{self.prefix}{query}"


def is_bucket_url(text: str) -> bool:
    """Whether this names a bucket of S3 and not a path."""
    return text.startswith(f"{S3}://")


def parse_bucket_url(text: str, schemes: Sequence[str] = (S3,)) -> BucketUrl:
    """Parse the URL of a bucket; it has no credentials.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the URL.
    """
    scheme = text.partition("://")[0]
    if scheme not in schemes or "://" not in text:
        raise ValueError(f"must begin with {' or '.join(f'{name}://' for name in schemes)}")
    if UNSAFE.search(text) or "#" in text:
        raise ValueError("must not contain spaces, control characters, backslashes or a fragment")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError(f"must not contain credentials: set {CREDENTIALS[scheme]}")
    if not NAME.fullmatch(parts.netloc):
        raise ValueError("must name a bucket, of 3 to 63 small letters, digits, dots and hyphens")
    options = _options(parts.query, OPTIONS[scheme])
    return BucketUrl(parts.netloc, _prefix(parts.path), scheme=scheme, **options)


def _prefix(path: str) -> str:
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if any(segment in {".", ".."} or "/" in segment for segment in segments):
        raise ValueError("must have a prefix without the segments . and ..")
    return "/".join(segments)


def _options(query: str, known: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            there_are = f"there are {' and '.join(known)}" if known else "there are none"
            raise ValueError(f"has the unknown option {name}; {there_are}")
        if name in options or not value:
            raise ValueError(f"must have one value for {name}")
        options[name] = value
    if "region" in options and not REGION.fullmatch(options["region"]):
        raise ValueError("must have a region of letters, digits, hyphens and underscores")
    if "account" in options and not ACCOUNT.fullmatch(options["account"]):
        raise ValueError("must have an account of 3 to 24 small letters and digits")
    if "endpoint" in options:
        options["endpoint"] = parse_endpoint(options["endpoint"])
    return options


def parse_endpoint(text: str) -> str:
    """The address of a service, without a slash at its end.

    Raises:
        ValueError: the error, as the end of a sentence that begins with what has the endpoint.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must have an endpoint that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must have an endpoint without credentials")
    return text.rstrip("/")
