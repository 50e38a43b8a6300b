"""The headers of image answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from imagesvc.cache.content import Fetched
from imagesvc.delivery.query import Asked
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.model.formats import Format
from imagesvc.model.images import Image, Visibility

PRIVATE = "private, no-cache"
CREDENTIALS = "Authorization, X-API-Key"
"""Request fields that say who asks, where the owner and strangers get different bytes."""

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Representation:
    """What is about to be sent: its type, its validator, and what else it was chosen by."""

    format: Format
    etag: str
    vary: str = ""
    """The request fields that chose it, as in Vary."""
    is_for_owner: bool = False
    """Whether others get another one at the same URL."""


def image_headers(
    image: Image, representation: Representation, asked: Asked, rules: DeliveryRules
) -> Headers:
    """What goes with the bytes of an image, and with the 304 that stands for them."""
    kind = representation.format
    headers = {
        "content-type": kind.media_type,
        "etag": representation.etag,
        "last-modified": format_datetime(modified_at(image, representation), usegmt=True),
        "cache-control": PRIVATE
        if representation.is_for_owner
        else cache_control(image.visibility, asked, rules),
        "content-disposition": disposition(image.filename, kind, download=asked.download),
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": resource_policy(image.visibility, asked),
        "x-content-type-options": "nosniff",
        "accept-ranges": "bytes",
    }
    if representation.vary:
        headers["vary"] = representation.vary
    if rules.cache_tag_header != "off":
        headers[rules.cache_tag_header.lower()] = f"image-{image.id}"
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
    """Since when the bytes are these: the upload, since pixels never change.

    What strangers get of an original may change with `share_location`, which is an edit.
    """
    is_for_strangers = representation.vary == CREDENTIALS and not representation.is_for_owner
    return image.updated_at if is_for_strangers else image.created_at


def cache_control(visibility: Visibility, asked: Asked, rules: DeliveryRules) -> str:
    """How long caches may keep an answer: `max_age`, unless it is private or its URL ends."""
    if visibility is Visibility.PRIVATE:
        return PRIVATE
    age = rules.max_age
    if asked.signature is not None and asked.signature.expires_at is not None:
        age = max(0, min(age, asked.signature.expires_at - int(time.time())))
    parts = ["public", f"max-age={age}"]
    if age and age == rules.max_age:  # what it is never changes for as long
        parts.append("immutable")
    if rules.stale_while_revalidate:
        parts.append(f"stale-while-revalidate={rules.stale_while_revalidate}")
    return ", ".join(parts)


def resource_policy(visibility: Visibility, asked: Asked) -> str:
    """Which pages may show the picture, where the request has no say of its own (Fetch).

    Pages of any site, as with other image servers; but private ones only where a signed URL lets
    everyone in who has it. A page of the same site may run at another port of this machine.
    """
    is_for_all = visibility is not Visibility.PRIVATE or asked.is_shared
    return "cross-origin" if is_for_all else "same-site"


def disposition(filename: str, image_format: Format, *, download: bool) -> str:
    """Content-Disposition with a name that fits the bytes (RFC 6266, RFC 8187)."""
    stem = filename.rpartition(".")[0] or filename or "image"
    name = f"{stem}.{image_format.extension}"
    plain = "".join(char if _is_plain(char) else "_" for char in name)
    kind = "attachment" if download else "inline"
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isprintable() and char not in '"\\%'
