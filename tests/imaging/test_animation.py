"""Animations in lossy WebP: their colours, their times, and that both ways make the same."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from imagesvc.imaging.codecs import resampling
from imagesvc.imaging.codecs.encode import encode, encode_frames
from imagesvc.imaging.codecs.motion import each_frame, motion_of
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.codecs.vips import to_image
from imagesvc.imaging.pipeline import animation
from imagesvc.imaging.pipeline.develop import frames
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import plan
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from tests.breadth import represented
from tests.imaging import animations
from tests.imaging.originals import REPOSITORY
from tests.imaging.pictures import gradient, is_near, make, mapped, pixel, save, seen
from tests.imaging.test_regions import array

LONGEST_OF_GIF = 655_350
WEBP = parse_text("format=webp&q=80")


def clip(path: Path, count: int = 3, **options: object) -> str:
    """A view that moves over coloured stripes, 300 x 200."""
    whole = gradient(400, 200)
    for left in range(0, 400, 7):
        whole.paste((230, 20, 40), (left, 0, left + 3, 200))
    views = [whole.crop((9 * at, 0, 300 + 9 * at, 200)) for at in range(count)]
    return save(path, views[0], save_all=True, append_images=views[1:], **options)


def test_a_frame_has_the_colours_of_a_still(tmp_path: Path) -> None:
    """They become YUV only once."""
    source = open_source(mapped(clip(tmp_path / "a.gif")), Format.GIF, all_frames=True)
    pictures = [frame.pixels() for frame in each_frame(source)]

    moving = encode_frames([to_image(it) for it in pictures], motion_of(source), WEBP)

    still = encode(pictures[0].extract_band(0, n=3).copy(interpretation="srgb"), WEBP)
    first, right = (Image.open(io.BytesIO(data)).convert("RGB") for data in (moving, still))
    assert (array(first) == array(right)).all()


@pytest.mark.skipif(not resampling.IS_AVAILABLE, reason="cykooz-resizer is not installed here")
@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
@pytest.mark.parametrize("query", ["w=150", "w=90&h=90&fit=cover", "w=80&crop=20,10,200,150"])
def test_frames_that_are_only_scaled_are_those_of_the_steps(
    tmp_path: Path, name: str, query: str
) -> None:
    """They do not pass through libvips again, which would not change them."""
    path = clip(tmp_path / name)
    kind = Format(Path(name).suffix[1:])
    transform = parse_text(f"{query}&format=webp&q=70")
    work = Work(transform, plan(transform, 300, 200))

    quick = animation.variant(open_source(mapped(path), kind, all_frames=True), work, Stages(0))

    source = open_source(mapped(path), kind, all_frames=True)
    images = [to_image(frame) for frame in frames(each_frame(source), work)]
    assert quick == encode_frames(images, motion_of(source), transform)


def test_transparent_frames_are_put_on_a_colour(tmp_path: Path) -> None:
    """That is more than cutting and scaling."""
    path = tmp_path / "a.gif"
    path.write_bytes(animations.spinner())

    picture = seen(make(str(path), "w=100&bg=00ff00&format=webp", frames=12))

    for number in range(12):
        picture.seek(number)
        assert is_near(pixel(picture.convert("RGB"), (2, 2)), (0, 255, 0), 8)


@pytest.mark.parametrize(
    ("delays", "shown"),
    [
        ((0, 10, 20, 70), (100, 100, 20, 70)),
        ((0xFFFFFF, 0xFFFFFF, 40, 11), (LONGEST_OF_GIF, LONGEST_OF_GIF, 40, 11)),
    ],
)
def test_times_are_kept_within_what_is_shown(
    tmp_path: Path, delays: tuple[int, ...], shown: tuple[int, ...]
) -> None:
    """Browsers show frames of hardly any time longer; WebP has a bound for all together."""
    path = clip(tmp_path / "a.webp", len(delays), duration=list(delays))

    picture = seen(make(path, "w=60&format=webp", frames=len(delays)))

    assert durations(picture) == shown


def test_a_gif_that_is_repeated_most_often_is_made(tmp_path: Path) -> None:
    """It is played once more than it is repeated, which WebP cannot count."""
    path = clip(tmp_path / "a.gif", loop=65_535)

    assert seen(make(path, "w=60&format=webp", frames=3)).info["loop"] == 65_535


FEW = ("gradient_fade", "interlaced", "local_palettes", "pixel_art", "spinner", "text_typing")


@pytest.mark.parametrize("kind", represented(sorted(animations.KINDS), *FEW))
def test_every_kind_of_gif_looks_like_its_frames(tmp_path: Path, kind: str) -> None:
    """Transparency, disposal and palettes of all kinds come out as each frame is shown."""
    data = animations.KINDS[kind]()
    (tmp_path / "a.gif").write_bytes(data)
    original = Image.open(io.BytesIO(data))

    picture = seen(make(str(tmp_path / "a.gif"), "w=120&format=webp&q=90", frames=999))

    for number in range(0, getattr(original, "n_frames", 1), 7):
        original.seek(number)
        picture.seek(number)
        right = light(original).resize(picture.size, Image.Resampling.LANCZOS)
        assert ImageStat.Stat(ImageChops.difference(light(picture), right)).mean[0] < 5, number


SCARCE = """
import resource
from PIL import Image
from imagesvc.imaging.codecs.pillow_encoders import encode_moving_webp, encode_webp
frames = [Image.new("RGB", (1200, 900), (number, 90, 30)) for number in (10, 200)]
calls = (encode_webp, frames[0], 80), (encode_moving_webp, frames, [9, 9], 0, 80)
for encode, *args in calls:  # loads what it needs
    encode(*args)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for more in range(0, 48, 6):
    resource.setrlimit(resource.RLIMIT_AS, (used + (more << 20), resource.RLIM_INFINITY))
    for encode, *args in calls:
        try:
            encode(*args)
        except MemoryError:
            print("out of memory")
"""


@pytest.mark.breadth
def test_encoders_say_when_memory_runs_out() -> None:
    """It is the picture that is too large then; any other error would be a bug."""
    done = subprocess.run(
        [sys.executable, "-c", SCARCE], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "out of memory" in done.stdout


def light(picture: Image.Image) -> Image.Image:
    """The luminance of a picture on gray; colours have half the resolution in WebP."""
    ground = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("L")


def durations(picture: Image.Image) -> tuple[int, ...]:
    """Milliseconds of each frame."""
    found = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        picture.load()
        found.append(int(picture.info["duration"]))
    return tuple(found)
