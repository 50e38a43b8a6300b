"""WebP: chunks that are many or large."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.attack.hostile.directories import EXIFS, LARGE_EXIFS
from tests.attack.hostile.seeds import MIB, encoded


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP file of chunks."""
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp(*chunks: tuple[bytes, bytes], flags: int = 0) -> bytes:
    """A small extended WebP with more chunks after its picture."""
    plain = encoded("WEBP")
    extended = struct.pack("<I", flags) + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
    picture = plain[12:16], plain[20 : 20 + struct.unpack("<I", plain[16:20])[0]]
    return riff((b"VP8X", extended), picture, *chunks)


def webps() -> Iterator[tuple[str, bytes]]:
    """Invalid chunks of a WebP."""
    yield "webp_unknown_20k", webp(*[(b"JUNK", b"")] * 20_000)
    yield "webp_unknown_90k", webp(*[(b"JUNK", b"")] * 90_000)
    yield "webp_unknown_200k", webp(*[(b"JUNK", b"")] * 200_000)
    yield "webp_unknown_1M", webp(*[(b"JUNK", b"")] * 1_000_000)
    yield "webp_xmp_20M", webp((b"XMP ", b"x" * 20 * MIB), flags=4)
    yield "webp_xmps_20k", webp(*[(b"XMP ", b"xx")] * 20_000, flags=4)
    yield "webp_xmps_90k", webp(*[(b"XMP ", b"xx")] * 90_000, flags=4)
    plain = encoded("WEBP")
    icc = (b"ICCP", b"x" * 20 * MIB)
    extended = struct.pack("<I", 0x20) + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
    yield "webp_icc_20M", riff((b"VP8X", extended), icc, (plain[12:16], plain[20:]))
    frame = bytes(6) + b"\x27\0\0\x1d\0\0\x64\0\0\0" + plain[12:]
    still = struct.pack("<I", 2) + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
    yield (
        "webp_frames_20k",
        riff((b"VP8X", still), (b"ANIM", bytes(6)), *[(b"ANMF", frame)] * 20_000),
    )
    inner = frame[:16] + riff(*[(b"JUNK", b"")] * 200_000)[12:] + frame[16:]
    yield "webp_frame_of_200k", riff((b"VP8X", still), (b"ANIM", bytes(6)), (b"ANMF", inner))
    for name, exif in {**EXIFS, **LARGE_EXIFS}.items():
        yield f"webp_exif_{name}", webp((b"EXIF", exif()), flags=8)
