"""The headers of image answers."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from imagesvc.cache.content import Fetched
from imagesvc.cdn.providers import tag_of
from imagesvc.delivery.query import Asked
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.model.formats import Format
from imagesvc.model.images import Image, Visibility

PRIVATE = "private, no-cache"
CREDENTIALS = "Authorization, X-API-Key, Cookie"
"""Request fields with credentials, for originals that differ for owner and strangers."""

Headers = dict[str, str]
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')


@dataclass(frozen=True, slots=True)
class Representation:
    """The representation to send: its type, its validator, and the fields that selected it."""

    format: Format
    etag: str
    vary: str = ""
    """The request fields that selected it, as in Vary."""
    is_for_owner: bool = False
    """Whether other requesters get another one at the same URL."""


def image_headers(
    image: Image, representation: Representation, asked: Asked, rules: DeliveryRules
) -> Headers:
    """The headers of image bytes and of a 304 for them."""
    kind = representation.format
    headers = {
        "content-type": kind.media_type,
        "etag": representation.etag,
        "last-modified": _http_date(modified_at(image, representation)),
        "cache-control": PRIVATE
        if representation.is_for_owner
        else cache_control(image, asked, rules),
        "content-disposition": disposition(image.filename, kind, download=asked.download),
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": resource_policy(image, asked),
        "x-content-type-options": "nosniff",
        "accept-ranges": "bytes",
    }
    if representation.vary:
        headers["vary"] = representation.vary
    if rules.cache_tag_header != "off":
        headers[rules.cache_tag_header.lower()] = tag_of(image.id)
    return headers


def server_timing(fetched: Fetched, began: float) -> str:
    """Where the bytes came from, and how long it took (Server Timing, W3C).

    Args:
        fetched: what is sent.
        began: when the request for it began, by `time.perf_counter`.
    """
    spans = {**fetched.seconds, "total": time.perf_counter() - began}
    timed = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in spans.items() if seconds]
    return ", ".join([f"cache;desc={fetched.tier}", *timed])


def modified_at(image: Image, representation: Representation) -> datetime:
    """The time of the last change of the bytes: the upload, since pixels never change.

    The original for strangers may change with `share_location`, which is an edit.
    """
    is_for_strangers = representation.vary == CREDENTIALS and not representation.is_for_owner
    return image.updated_at if is_for_strangers else image.created_at


@lru_cache(maxsize=1024)
def _http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


def cache_control(image: Image, asked: Asked, rules: DeliveryRules) -> str:
    """How long caches may keep a response: `max_age`, unless it is private or ends before.

    It ends when the image or the URL expires.
    """
    if image.shown_as is Visibility.PRIVATE:
        return PRIVATE
    age = rules.max_age
    if asked.signature is not None and asked.signature.expires_at is not None:
        age = max(0, min(age, asked.signature.expires_at - int(time.time())))
    if image.expires_at is not None:
        age = max(0, min(age, int(image.expires_at.timestamp() - time.time())))
    parts = ["public", f"max-age={age}"]
    if age and age == rules.max_age:  # the content never changes in that time
        parts.append("immutable")
    if rules.stale_while_revalidate and image.expires_at is None:
        parts.append(f"stale-while-revalidate={rules.stale_while_revalidate}")
    return ", ".join(parts)


def resource_policy(image: Image, asked: Asked) -> str:
    """Which pages may embed the picture (Fetch).

    Pages of any site may, as with other image servers, but private ones only with a signed URL, and
    those in the trash not at all. A page of the same site may be at another port of this machine.
    """
    is_public = image.shown_as is not Visibility.PRIVATE
    is_for_all = is_public or (asked.is_shared and not image.is_trashed)
    return "cross-origin" if is_for_all else "same-site"


def disposition(filename: str, image_format: Format, *, download: bool) -> str:
    """Content-Disposition with a name that fits the bytes (RFC 6266, RFC 8187)."""
    stem = filename.rpartition(".")[0] or filename or "image"
    name = f"{stem}.{image_format.extension}"
    plain = _NOT_PLAIN.sub("_", name)
    kind = "attachment" if download else "inline"
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
