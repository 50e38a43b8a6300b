"""A copy of an original without its location or metadata, and the call that makes it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping

from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.location import gif, jpeg, png, webp
from imagesvc.imaging.location.opaque import lacks
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Copied, Files, Removal, Rendered, Withheld
from imagesvc.imaging.render import MAX_RETURNED_BYTES, spill_file
from imagesvc.model.formats import Format

PIECES: Mapping[Format, Callable[[Data, Withheld], Iterable[bytes]]] = {
    Format.JPEG: jpeg.pieces,
    Format.PNG: png.pieces,
    Format.WEBP: webp.pieces,
    Format.GIF: gif.pieces,
}


def reduced_copy(data: Data, kind: Format, withheld: Withheld) -> bytes | None:
    """The file without any data that may be withheld; every byte of its pixels is the same.

    Returns:
        A copy, which is the same as the file when there was nothing to remove; None when it
        cannot be made with certainty.
    """
    remove = PIECES.get(kind)
    if remove is None:
        return data[:] if lacks(data, kind, withheld) else None
    try:
        return b"".join(remove(data, withheld))
    except UnclearError:
        return None


def copy_without(files: Files, kind: Format, withheld: Withheld) -> Copied:
    """As `reduced_copy`, as the call that workers run."""
    started = time.perf_counter()
    try:
        made = reduced_copy(files.data, kind, withheld)
    except MemoryError:
        made = None
    if made is None:
        return Copied(Removal.UNCLEAR)
    if len(made) == len(files.data) and memoryview(files.data) == made:
        return Copied(Removal.NOTHING)
    spilled = spill_file(made, files.spill) if len(made) > MAX_RETURNED_BYTES else None
    copy = Rendered(
        data=made if spilled is None else None,
        spilled=spilled,
        format=kind,
        width=0,
        height=0,
        frames=1,
        bytes=len(made),
        crc32=zlib.crc32(made),
        seconds={"render": time.perf_counter() - started},
    )
    return Copied(Removal.REMOVED, copy)
