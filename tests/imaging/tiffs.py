"""TIFF of many kinds, written by code: compressions, photometrics, depths, planes, tiles."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 24
TILE = 16
NONE, RLE, GROUP_3, GROUP_4, LZW, OLD_JPEG, JPEG, DEFLATE = range(1, 9)
NEXT, PACKBITS, THUNDERSCAN, PIXAR_LOG = 32766, 32773, 32809, 32909
OLD_DEFLATE, DCS, JBIG, SGI_LOG, SGI_LOG_24 = 32946, 32947, 34661, 34676, 34677
JPEG_2000, LERC, LZMA, ZSTD, WEBP, JPEG_XL = 34712, 34887, 34925, 50000, 50001, 50002
UNKNOWN = 60_000
GRAY_INVERTED, GRAY, RGB, PALETTE, MASK, CMYK, YCBCR = range(7)
CIELAB, ICCLAB, ITULAB, CFA, LOG_L, LOG_LUV, LINEAR_RAW = 8, 9, 10, 32803, 32844, 32845, 34892
UNSIGNED, SIGNED, FLOAT, UNDEFINED, SIGNED_COMPLEX, COMPLEX = range(1, 7)
SHORT, LONG, LONG8 = 3, 4, 16
_SAMPLES = {RGB: 3, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3, ITULAB: 3, LOG_LUV: 3, LINEAR_RAW: 3}

Entry = tuple[int, tuple[int, ...]]
"""Type and values."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The layout of a picture."""

    compression: int = NONE
    photometric: int = RGB
    bits: int = 8
    form: int = UNSIGNED
    extra: int = 0
    """Samples beside the colours; the first is alpha."""
    is_planar: bool = False
    is_tiled: bool = False
    order: str = "<"
    is_big: bool = False
    predictor: int = 1

    @property
    def samples(self) -> int:
        """The number of samples of a pixel."""
        return _SAMPLES.get(self.photometric, 1) + self.extra


def picture(kind: Kind) -> bytes:
    """A file of a ramp from left to right in this kind; without an encoder its data is zeros."""
    levels = _levels(kind)
    side = (TILE, TILE) if kind.is_tiled else (HEIGHT, WIDTH)
    planes = [levels[:, :, n : n + 1] for n in range(kind.samples)] if kind.is_planar else [levels]
    pieces = [_packed(kind, block) for plane in planes for block in _blocks(plane, *side)]
    return _file(kind, pieces)


def _levels(kind: Kind) -> Any:
    """Height x width x samples, from 0 to 1."""
    ramp = np.linspace(0.1, 0.9, WIDTH)[None, :, None]
    return np.broadcast_to(ramp, (HEIGHT, WIDTH, kind.samples))


def _blocks(plane: Any, rows: int, columns: int) -> Iterator[Any]:
    for top in range(0, HEIGHT, rows):
        for left in range(0, WIDTH, columns):
            block = plane[top : top + rows, left : left + columns]
            missing = rows - block.shape[0], columns - block.shape[1]
            yield np.pad(block, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")


def _raw(kind: Kind, block: Any) -> bytes:
    """The samples of a strip or tile, rows padded to whole bytes."""
    bits = kind.bits
    if kind.form in {FLOAT, COMPLEX, SIGNED_COMPLEX}:
        if kind.form == FLOAT and bits == 24:
            return bytes(block.size * 3)
        letters = {(FLOAT, 16): "f2", (FLOAT, 32): "f4", (FLOAT, 64): "f8", (COMPLEX, 64): "c8"}
        letter = letters.get((kind.form, bits), f"V{max(1, bits // 8)}")
        if letter.startswith("V"):
            return bytes(block.size * bits // 8)
        return bytes(block.astype(kind.order + letter).tobytes())
    top = (1 << bits - (kind.form == SIGNED)) - 1
    values = np.rint(block * top).astype(np.uint64)
    if kind.photometric in {PALETTE, MASK}:
        values = np.minimum(values, top)
    if bits in {8, 16, 32, 64}:
        return bytes(values.astype(f"{kind.order}u{bits // 8}").tobytes())
    rows = []
    for row in values.reshape(values.shape[0], -1):
        digits = "".join(f"{int(value):0{bits}b}" for value in row)
        digits += "0" * (-len(digits) % 8)
        rows.append(int(digits, 2).to_bytes(len(digits) // 8, "big"))
    return b"".join(rows)


def _packed(kind: Kind, block: Any) -> bytes:
    if kind.compression in {JPEG, WEBP, JPEG_2000}:
        return _coded(kind, block)
    if kind.compression in {RLE, GROUP_3, GROUP_4}:
        return _fax(kind, block)
    raw = _differences(kind, _raw(kind, block), block.shape)
    encode = _ENCODERS.get(kind.compression)
    return encode(raw) if encode else bytes(max(64, len(raw)))


def _differences(kind: Kind, raw: bytes, shape: tuple[int, ...]) -> bytes:
    """Each sample less the one to its left (TIFF 6.0, section 14)."""
    if kind.predictor == 1 or kind.compression == NONE:
        return raw
    letter = f"{kind.order}u{kind.bits // 8}"
    values = np.frombuffer(raw, letter).reshape(shape)
    differences = np.diff(values, axis=1, prepend=np.zeros_like(values[:, :1]))
    return bytes(differences.astype(letter).tobytes())


def _lzw(raw: bytes) -> bytes:
    """Literals of 9 bits with a clear code before each 250 (section 13)."""
    codes = []
    for at in range(0, len(raw), 250):
        codes += [256, *raw[at : at + 250]]
    digits = "".join(f"{code:09b}" for code in (*codes, 257))
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def _zstd(raw: bytes) -> bytes:
    """A frame of one block that is not compressed (RFC 8878, 3.1.1)."""
    block = struct.pack("<I", len(raw) << 3 | 1)[:3] + raw
    return struct.pack("<IBI", 0xFD2FB528, 0xA0, len(raw)) + block


def _runs(raw: bytes) -> bytes:
    """Runs of one literal each (section 9)."""
    return b"".join(b"\0" + raw[at : at + 1] for at in range(len(raw)))


_ENCODERS: dict[int, Callable[[bytes], bytes]] = {
    NONE: bytes,
    LZW: _lzw,
    DEFLATE: zlib.compress,
    OLD_DEFLATE: zlib.compress,
    PACKBITS: _runs,
    LZMA: lzma.compress,
    ZSTD: _zstd,
}


def _coded(kind: Kind, block: Any) -> bytes:
    """A strip or tile as a complete JPEG, WebP or JPEG 2000 file."""
    levels = np.rint(block * 255).astype(np.uint8)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(levels.shape[2])
    if mode == "RGBA" and kind.compression == JPEG:
        mode, levels = "CMYK", 255 - levels  # Pillow inverts it
    if mode is None or kind.bits != 8:
        return bytes(64)
    size = levels.shape[1], levels.shape[0]
    coded = Image.frombytes(mode, size, np.ascontiguousarray(levels).tobytes())
    file = io.BytesIO()
    options: dict[str, Any] = {"quality": 95}
    if kind.compression == WEBP:
        coded.convert("RGBA" if mode == "RGBA" else "RGB").save(file, "WEBP", lossless=True)
    elif kind.compression == JPEG_2000:
        coded.save(file, "JPEG2000", no_jp2=True)
    else:
        options |= {} if mode != "RGB" else {"keep_rgb": kind.photometric == RGB, "subsampling": 0}
        coded.save(file, "JPEG", **options)
    return file.getvalue()


def _fax(kind: Kind, block: Any) -> bytes:
    """The one strip that Pillow writes of a picture of one bit."""
    name = {RLE: "tiff_ccitt", GROUP_3: "group3", GROUP_4: "group4"}[kind.compression]
    if kind.bits != 1 or block.shape[2] != 1:
        return bytes(64)
    bitmap = Image.fromarray((block[:, :, 0] > 0.5).astype(np.uint8) * 255).convert("1")
    file = io.BytesIO()
    bitmap.save(file, "TIFF", compression=name, strip_size=1 << 20)
    with Image.open(file) as written:
        tags: Any = written.tag_v2  # type: ignore[attr-defined]
        start, size = tags[273][0], tags[279][0]
    return file.getvalue()[start : start + size]


def _file(kind: Kind, pieces: list[bytes]) -> bytes:
    """Header, pieces and one directory."""
    at = 16 if kind.is_big else 8
    offsets, body = [], b""
    for piece in pieces:
        offsets.append(at + len(body))
        body += piece + bytes(len(piece) % 2)
    body += bytes(-len(body) % 8)
    first = at + len(body)
    entries = _entries(kind, offsets, [len(piece) for piece in pieces])
    order = b"II" if kind.order == "<" else b"MM"
    version = (43, 8, 0, first) if kind.is_big else (42, first)
    start = struct.pack(kind.order + ("HHHQ" if kind.is_big else "HI"), *version)
    return order + start + body + _directory(kind, entries, first)


def _directory(kind: Kind, entries: dict[int, Entry], at: int) -> bytes:
    """A directory at `at`, and the values that do not fit into its entries."""
    offset, row, head = ("Q", "HHQ", "Q") if kind.is_big else ("I", "HHI", "H")
    inline, row_bytes = struct.calcsize("=" + offset), struct.calcsize("=" + row)
    written = struct.pack(kind.order + head, len(entries))
    values_at = at + len(written) + len(entries) * (row_bytes + inline) + inline
    values = b""
    for tag, (type_, numbers) in sorted(entries.items()):
        letter = {SHORT: "H", LONG: "I", LONG8: "Q"}[type_]
        packed = struct.pack(f"{kind.order}{len(numbers)}{letter}", *numbers)
        if len(packed) > inline:
            values += packed
            packed = struct.pack(kind.order + offset, values_at + len(values) - len(packed))
        written += struct.pack(kind.order + row, tag, type_, len(numbers))
        written += packed.ljust(inline, b"\0")
    return written + bytes(inline) + values


def _entries(kind: Kind, offsets: list[int], sizes: list[int]) -> dict[int, Entry]:
    places = LONG8 if kind.is_big else LONG
    found: dict[int, Entry] = {
        256: (LONG, (WIDTH,)),
        257: (LONG, (HEIGHT,)),
        258: (SHORT, (kind.bits,) * kind.samples),
        259: (SHORT, (kind.compression,)),
        262: (SHORT, (kind.photometric,)),
        277: (SHORT, (kind.samples,)),
        284: (SHORT, (2 if kind.is_planar else 1,)),
        339: (SHORT, (kind.form,) * kind.samples),
    }
    if kind.is_tiled:
        found |= {322: (LONG, (TILE,)), 323: (LONG, (TILE,))}
        found |= {324: (places, tuple(offsets)), 325: (places, tuple(sizes))}
    else:
        found |= {273: (places, tuple(offsets)), 278: (LONG, (HEIGHT,))}
        found |= {279: (places, tuple(sizes))}
    if kind.predictor > 1:
        found[317] = SHORT, (kind.predictor,)
    if kind.extra:
        found[338] = SHORT, (2, *(0,) * (kind.extra - 1))
    if kind.photometric == PALETTE and kind.bits <= 16:
        ramp = tuple(n * 65_535 // ((1 << kind.bits) - 1) for n in range(1 << kind.bits))
        found[320] = SHORT, ramp * 3
    if kind.photometric == CMYK:
        found[332] = SHORT, (1,)
    if kind.photometric == YCBCR:
        found[530] = SHORT, (1, 1)
    return found
