"""AVIF and HEIC whose large metadata has a type that decoders pass over."""

from __future__ import annotations

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, patched
from imagesvc.imaging.containers.heif.items import metadata

UNKNOWN = b"free"


def tidied(data: Data, most: int, budget: Budget) -> bytes | None:
    """The file without its metadata; None where that is at most `most`.

    Offsets stay true, for nothing changes its place. The orientation is a property of the picture.
    """
    found = metadata("HEIF", data, budget)
    if sum(item.bytes for item in found) <= most:
        return None
    return patched(data, [(at, UNKNOWN) for at in sorted(item.kind_at for item in found)])
