"""Texts that may name a location: XMP packets, and the texts of PNG and EXIF."""

from __future__ import annotations

import re

MAX_PACKET = 1 << 16
_PLACE_WORDS = (
    rb"gps|geo|latitude|longitude|altitude|location|coordinate|city|country|state|province"
    rb"|place|region|address|wgs84|venue|sublocation|position"
)
"""Parts of the names that XMP schemas have for places: exif, photoshop, Iptc4xmpCore,
Iptc4xmpExt, and those of makers, such as drone-dji."""
_EMBEDDED_WORDS = (
    rb"xmpgimg|gimage|gdepth|gcamera|gcontainer|container:|hdrgm|microvideo|motionphoto"
    rb"|hasextendedxmp|base64|makernote"
)
"""Files inside a packet, and the names of files behind the image, which are removed."""
_WORDS = re.compile(_PLACE_WORDS + rb"|" + _EMBEDDED_WORDS)
_POSITION_WORDS = re.compile(rb"gps|latitude|longitude|geo:|location")
_COORDINATES = re.compile(
    rb"[-+]?\d{1,3}[.,]\d{3,}\D{1,8}[-+]?\d{1,3}[.,]\d{3,}"
    rb"|\d{1,3}\s*(?:\xc2\xb0|\xb0|deg)"
    rb"|\d{1,3},\d{1,2}(?:[.,]\d+)?(?:,\d{1,2}(?:\.\d+)?)?[nsew]\b"
)
"""Two numbers with decimals, degrees, or degrees and minutes as XMP writes them."""
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']\s*(?!utf-?(?:8|16)[\"'\s])")


def has_coordinates(text: bytes) -> bool:
    """Whether a text of users or cameras may contain a position, in any Unicode encoding."""
    plain = _plain(text)
    return bool(_POSITION_WORDS.search(plain) or _COORDINATES.search(plain))


def is_harmless_packet(packet: bytes) -> bool:
    """Whether an XMP packet can be kept.

    Names cannot be written with character references in XML; with entities they could, so a packet
    with declarations is not kept.
    """
    if len(packet) > MAX_PACKET:
        return False
    plain = _plain(packet)
    is_obscure = b"<!" in plain or _ENCODING.search(plain)
    return not (is_obscure or _WORDS.search(plain) or _COORDINATES.search(plain))


def _plain(text: bytes) -> bytes:
    """Lower-case letters without the zeros of UTF-16 and UTF-32."""
    return text.replace(b"\0", b"").lower()
