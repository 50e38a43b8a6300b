"""GIF: millions of blocks and sub-blocks."""

from __future__ import annotations

from collections.abc import Iterator

from tests.attack.hostile.seeds import encoded


def gifs() -> Iterator[tuple[str, bytes]]:
    """Invalid blocks of a GIF."""
    data = encoded("GIF")
    head = 13 + 3 * (2 << (data[10] & 7))
    start, rest = data[:head], data[head:]
    yield "gif_comments_1M", start + b"\x21\xfe\1a\0" * 1_000_000 + rest
    yield "gif_comments_5M", start + b"\x21\xfe\0" * 5_000_000 + rest
    yield "gif_comment_10M_tiny", start + b"\x21\xfe" + b"\1a" * 5_000_000 + b"\0" + rest
    yield "gif_comment_2M_tiny", start + b"\x21\xfe" + b"\1a" * 1_000_000 + b"\0" + rest
    yield "gif_comment_20M", start + b"\x21\xfe" + (b"\xff" + b"a" * 255) * 80_000 + b"\0" + rest
    yield (
        "gif_xmp_20M",
        (start + b"\x21\xff\x0bXMP DataXMP" + (b"\xff" + b"a" * 255) * 80_000 + b"\0" + rest),
    )
    control = b"\x21\xf9\x04\0\0\0\0\0"
    yield "gif_controls_1M", start + control * 1_000_000 + rest
    yield "gif_loops_500k", start + b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0" * 500_000 + rest
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    yield "gif_frames_60", start + frame * 60 + b";"
    yield "gif_frames_490", start + frame * 490 + b";"
    yield "gif_frames_1M", start + frame * 1_000_000 + b";"
