"""Loads the libraries of a worker before it is sandboxed and can open no file.

No libvips pipeline runs here: it would start threads, which Landlock would not cover.
"""

from __future__ import annotations

import linecache  # noqa: F401  # tracebacks

from imagesvc.imaging.codecs import pillow, vips, vips_source
from imagesvc.imaging.codecs.encode import encode
from imagesvc.imaging.pipeline import lettering
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform


def warm_up() -> None:
    """Make the libraries load what they load at first use."""
    pillow.load_plugins()
    lettering.drawn("a", None, 8)


def check_codecs() -> None:
    """Write and read a small picture in the most common formats, through all layers.

    Raises:
        Exception: whatever does not work in this process.
    """
    side = 16
    picture = vips.from_levels(bytes(range(256)) * 3, side, side, 3)
    for kind in (Format.JPEG, Format.PNG, Format.WEBP):
        data = encode(picture, Transform(format=kind, q=80))
        vips_source.open_source(data, kind).pixels().copy_memory()
