"""What imagesvc and its peers are compared by."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import photos
from benchmarks.limits import Render
from benchmarks.variants import Variants

_EXACT, _MEZZANINE = 1.2, 4.0
_FORMATS = {".jpg": "jpeg", ".webp": "webp", ".avif": "avif"}


@dataclass(frozen=True)
class Subject:
    """A kind of variant of one photo."""

    what: str
    photo: Path
    count: int
    """How many of them a round makes."""
    target: float
    variants: Variants
    """Shared by the subjects for which a peer has the same URLs."""
    is_exact: bool = False

    def path(self, image: str, render: Render) -> str:
        """The URL of a variant of an uploaded photo."""
        query = {
            "w": render.width,
            "q": render.quality,
            "format": format_of(render),
            "blur": render.blur,
            "exact": int(self.is_exact),
        }
        given = "&".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                         for name, value in query.items() if value)  # fmt: skip
        return f"/images/{image}?{given}"


def format_of(render: Render) -> str:
    """The format of a variant, as all these servers name it."""
    return _FORMATS[render.suffix]


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
