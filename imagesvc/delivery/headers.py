"""The headers of image answers."""

from __future__ import annotations

from urllib.parse import quote

from imagesvc.model import Format, Visibility

IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE = "private, no-cache"

Headers = dict[str, str]


def image_headers(
    *, image_format: Format, etag: str, visibility: Visibility, filename: str, download: bool
) -> Headers:
    """What goes with the bytes of an image, and with the 304 that stands for them."""
    return {
        "content-type": image_format.media_type,
        "etag": etag,
        "cache-control": PRIVATE if visibility is Visibility.PRIVATE else IMMUTABLE,
        "content-disposition": disposition(filename, image_format, download=download),
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "accept-ranges": "bytes",
    }


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
