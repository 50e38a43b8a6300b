"""What imagesvc and its peers are compared by."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks import photos
from benchmarks.subjects import Subject
from benchmarks.variants import Variants

_EXACT, _MEZZANINE = 1.2, 4.0


def subjects_in(pictures: Path, found: photos.Photos) -> Sequence[Subject]:
    """Subjects, with their photos in a folder that the peers read.

    The targets are those against ipx, exact and from the mezzanine; a small photo has none.
    """
    large = Path(shutil.copyfile(found.large, pictures / "large.jpg"))
    small = Path(shutil.copyfile(found.small, pictures / "small.jpg"))
    png = Path(shutil.copyfile(found.png, pictures / "small.png"))
    large_png = photos.write_png(found.detailed, pictures / "large.png")
    gif = photos.write_gif(found.small, pictures / "moving.gif")
    of_large, of_large_png = Variants.resized(large), Variants.resized(large_png, suffix=".webp")
    return (
        Subject("16 MP JPEG → 400 px, exact", large, 60, _EXACT, of_large, is_exact=True),
        Subject("16 MP JPEG → 400 px, mezzanine", large, 60, _MEZZANINE, of_large),
        Subject("0.75 MP JPEG → 400 px", small, 120, _EXACT, Variants.resized(small)),
        Subject("8 MP PNG → 400 px WebP, exact", large_png, 16, _EXACT, of_large_png,
                is_exact=True),
        Subject("8 MP PNG → 400 px WebP, mezzanine", large_png, 16, _MEZZANINE, of_large_png),
        Subject("1.5 MP PNG → 400 px WebP", png, 60, _EXACT, Variants.resized(png, suffix=".webp"),
                is_exact=True),
        Subject("0.75 MP JPEG → 400 px AVIF", small, 32, _EXACT,
                Variants.resized(small, suffix=".avif")),
        Subject("0.75 MP JPEG in full size, blur 10", small, 32, _EXACT, Variants.blurred(small)),
        Subject("animated GIF → 200 px WebP", gif, 16, _EXACT,
                Variants.resized(gif, 200, suffix=".webp", is_animated=True)),
    )  # fmt: skip
