"""URLs of buckets: `s3://bucket/prefix?endpoint=…&region=…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

SCHEME = "s3://"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""It becomes a part of the host's name."""
OPTIONS = ("endpoint", "region")
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """Where objects are: a bucket, and what the keys of all of them begin with."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    """The service that has the bucket; Amazon's without it."""
    region: str | None = None

    def __str__(self) -> str:
        options = {name: value for name in OPTIONS if (value := getattr(self, name))}
        query = f"?{urlencode(options, safe=':/')}" if options else ""
        return f"{SCHEME}{self.bucket}/{self.prefix}{query}"


def is_bucket_url(text: str) -> bool:
    """Whether this names a bucket and not a path."""
    return text.startswith(SCHEME)


def parse_bucket_url(text: str) -> BucketUrl:
    """Parse the URL of a bucket; it has no credentials.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the URL.
    """
    if not is_bucket_url(text):
        raise ValueError(f"must begin with {SCHEME}")
    if UNSAFE.search(text) or "#" in text:
        raise ValueError("must not contain spaces, control characters, backslashes or a fragment")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError("must not contain credentials: set AWS_ACCESS_KEY_ID and its secret")
    if not NAME.fullmatch(parts.netloc):
        raise ValueError("must name a bucket, of 3 to 63 small letters, digits, dots and hyphens")
    options = _options(parts.query)
    return BucketUrl(parts.netloc, _prefix(parts.path), **options)


def _prefix(path: str) -> str:
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if any(segment in {".", ".."} or "/" in segment for segment in segments):
        raise ValueError("must have a prefix without the segments . and ..")
    return "/".join(segments)


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise ValueError(f"has the unknown option {name}; there are {' and '.join(OPTIONS)}")
        if name in options or not value:
            raise ValueError(f"must have one value for {name}")
        options[name] = value
    if "region" in options and not REGION.fullmatch(options["region"]):
        raise ValueError("must have a region of letters, digits, hyphens and underscores")
    if "endpoint" in options:
        options["endpoint"] = _endpoint(options["endpoint"])
    return options


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must have an endpoint that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must have an endpoint without credentials")
    return text.rstrip("/")
