"""Files with a location, by the form in which strangers get them."""

from __future__ import annotations

from tests.imaging import places
from tests.imaging.places import bare, chunk, exif, iptc, segment, xmp

XMP = b"http://ns.adobe.com/xap/1.0/\0"
STRIPPED = {
    "jpeg": places.jpeg(segment(0xE1, XMP + xmp()), iptc()),
    "jpeg extended XMP": places.jpeg(*places.extended_xmp()),
    "jpeg second image": places.mpo(),
    "jpeg large": places.jpeg(trailer=bytes(5 << 20) + places.jpeg()),
    "png": places.png(chunk(b"eXIf", exif(orientation=1)), places.raw_profile("xmp", xmp())),
    "png texts": places.png(
        places.png_text("XML:com.adobe.xmp", xmp(), packed=False, international=True),
        places.png_text("Comment", b"48.8583806, 2.2944528", packed=True, international=False),
    ),
    "webp": places.webp(lossless=True),
    "gif": places.gif(),
}
"""Delivered without the location, with every pixel unchanged."""
HIDDEN = {
    "jpeg damaged EXIF": places.jpeg(segment(0xE1, b"Exif\0\0" + exif()), block=exif()),
    "avif": bare("AVIF", exif=b"Exif\0\0" + exif(orientation=1)),
    "heic": bare("HEIF", exif=b"Exif\0\0" + exif(orientation=1)),
    "tiff": bare("TIFF", exif=exif(orientation=1), tiffinfo={700: xmp()}),
    "ico": bare("ICO"),
}
"""Delivered as a picture that is encoded again."""
LOCATED = STRIPPED | {name: content for name, content in HIDDEN.items() if name != "ico"}
