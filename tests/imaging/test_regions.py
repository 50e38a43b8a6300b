"""Cropped regions: crop, trim and gravity, compared with arrays cut by hand."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from imagesvc.errors import ImageTooLarge, InvalidTransform
from imagesvc.imaging.codecs.shrinking import region_shrink, shown_box, stored_box
from imagesvc.imaging.transforms.geometry import Box, plan, predicted_size
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Size
from tests.breadth import represented
from tests.imaging.pictures import (
    QUADRANTS,
    RED,
    animation,
    corners,
    gradient,
    is_near,
    make,
    oriented,
    quadrants,
    save,
    seen,
)

WHITE = (255, 255, 255)


def array(picture: Image.Image, mode: str = "RGB") -> np.ndarray:
    """Height x width x bands, signed so that differences do not wrap."""
    return np.asarray(picture.convert(mode)).astype(int)


@pytest.mark.parametrize("orientation", represented(range(1, 9), 1, 6))
@pytest.mark.parametrize(
    ("query", "edges"),
    [
        ("crop=0,0,11,7", (0, 0, 11, 7)),
        ("crop=50,0,11,7", (50, 0, 61, 7)),
        ("crop=0,30,11,7", (0, 30, 11, 37)),
        ("crop=50,30,11,7", (50, 30, 61, 37)),
        ("crop=3,5,20,9", (3, 5, 23, 14)),
        ("crop=0.0,0,0.5,1", (0, 0, 31, 37)),  # 30.5 is rounded up
        ("crop=0.5,0.5,0.5,0.5", (31, 19, 61, 37)),
        ("crop=0.25,0.1,0.25,0.2", (15, 4, 31, 11)),
        ("crop=40,20,9999,9999", (40, 20, 61, 37)),
        ("crop=60,36,1,1", (60, 36, 61, 37)),
        ("crop=0.999,0.999,0.001,0.001", (60, 36, 61, 37)),
    ],
)
def test_a_crop_keeps_exactly_its_pixels(
    tmp_path: Path, orientation: int, query: str, edges: tuple[int, int, int, int]
) -> None:
    """The region is that of the picture as shown; the part outside the picture is cut off."""
    source = gradient(61, 37)
    path = oriented(tmp_path / "a.png", source, orientation)
    left, top, right, bottom = edges

    kept = array(seen(make(path, query)))

    assert (kept == array(source)[top:bottom, left:right]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_all_four_corners_survive_crop_and_resize(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    """The inner half, with a quarter of each colour, is scaled while it is turned upright."""
    path = oriented(tmp_path / f"a.{suffix}", quadrants(), orientation)

    picture = seen(make(path, "crop=0.25,0.25,0.5,0.5&w=24"))

    assert picture.size == (24, 16)
    assert is_near(corners(picture), QUADRANTS, 14)


OF_SHRUNK = {
    "crop=200,160,800,480&w=100": (200, 160, 1000, 640),
    "crop=203,161,797,479&w=97": (203, 161, 1000, 640),
    "crop=0.5,0.5,0.5,0.5&w=60": (800, 480, 1600, 960),
    "crop=801,479,799,481&w=60": (801, 479, 1600, 960),
}
"""Queries, and the region of the original that they show."""
TURNED = zip(OF_SHRUNK, (1, 6, 3, 8), strict=True)


@pytest.mark.parametrize(
    ("query", "orientation"), represented(itertools.product(OF_SHRUNK, (1, 6, 3, 8)), *TURNED)
)
def test_a_crop_of_a_shrunk_jpeg_is_where_it_should_be(
    tmp_path: Path, orientation: int, query: str
) -> None:
    """It is compared with Pillow's crop and Lanczos of the whole decode.

    Half a pixel would be detected.
    """
    path = oriented(tmp_path / "a.jpg", checks(1600, 960), orientation)

    picture = seen(make(path, query))

    box = OF_SHRUNK[query]
    whole = ImageOps.exif_transpose(Image.open(path))
    half = (box[2] - box[0]) // picture.width // 2
    right, wrong = (
        array(whole.crop(at).resize(picture.size, Image.Resampling.LANCZOS))
        for at in (box, (box[0] - half, box[1], box[2] - half, box[3]))
    )
    assert np.abs(array(picture) - right).mean() < 3.5
    assert np.abs(array(picture) - wrong).mean() > 6


def checks(width: int, height: int) -> Image.Image:
    """Squares of 40 pixels over a gradient, whose edges reveal every shift."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    board = ((x // 40 + y // 40) % 2 * 120)[..., None]
    return Image.fromarray((np.asarray(gradient(width, height)) // 2 + board).astype("uint8"))


@pytest.mark.parametrize(
    ("region", "target", "shrink", "box"),
    [
        (Box(0, 0, 800, 800), Size(100, 100), 4, Box(0, 0, 200, 200)),
        (Box(8, 16, 800, 800), Size(100, 100), 4, Box(2, 4, 200, 200)),
        (Box(9, 16, 800, 800), Size(100, 100), 4, Box(2, 4, 200, 200)),  # 1/8 of a pixel off
        (Box(10, 16, 800, 800), Size(100, 100), 2, Box(5, 8, 400, 400)),  # 1/4 off
        (Box(11, 16, 800, 800), Size(100, 100), 4, Box(3, 4, 200, 200)),
        (Box(11, 16, 800, 800), Size(300, 300), 1, Box(11, 16, 800, 800)),
        (Box(201, 201, 800, 800), Size(100, 100), 4, Box(50, 50, 200, 200)),  # up to the end
    ],
)
def test_a_decoder_shrinks_as_long_as_edges_stay(
    region: Box, target: Size, shrink: int, box: Box
) -> None:
    """No edge moves by more than an eighth of a pixel of the result."""
    assert region_shrink(region, Size(1001, 1001), target) == (shrink, box)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_shown_and_stored_regions_undo_each_other(orientation: int) -> None:
    """Trimming finds a stored region and needs the shown one."""
    shown = Size(37, 61) if orientation > 4 else Size(61, 37)
    region = Box(3, 5, 11, 7)

    stored = stored_box(region, Size(61, 37), orientation)

    assert shown_box(stored, shown, orientation) == region


@pytest.mark.parametrize("query", ["crop=61,0,5,5", "crop=0,37,5,5", "crop=9999,9999,1,1"])
def test_a_crop_outside_is_refused_by_name(tmp_path: Path, query: str) -> None:
    """Nothing would be left; the error has the size of the picture."""
    path = save(tmp_path / "a.png", gradient(61, 37))

    with pytest.raises(InvalidTransform, match="61 x 37") as caught:
        make(path, query)

    assert caught.value.fields[0][0] == "crop"
    with pytest.raises(InvalidTransform):
        plan(parse_text(query), 61, 37)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_each_frame_is_cropped(tmp_path: Path, kind: str) -> None:
    """A region without the white corner, in the colour of every frame."""
    picture = seen(make(animation(tmp_path / "a.gif"), f"crop=15,10,15,10&format={kind}"))

    assert getattr(picture, "n_frames", 1) == 4
    for number in range(4):
        picture.seek(number)
        assert picture.size == (15, 10)
        assert is_near(corners(picture), (QUADRANTS[number],) * 4, 24)


@pytest.mark.parametrize("frame", [0, 1, 3])
@pytest.mark.parametrize("kind", ["png", "gif", "webp"])
@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_frame_picks_a_frame(tmp_path: Path, frame: int, kind: str, suffix: str) -> None:
    """The result is one still picture with the colour of that frame."""
    path = animation(tmp_path / f"a.{suffix}")

    made = make(path, f"frame={frame}&w=30&format={kind}", frames=4)

    assert (made.frames, getattr(seen(made), "n_frames", 1)) == (1, 1)
    assert is_near(corners(seen(made))[3], QUADRANTS[frame], 40)


def test_a_frame_that_the_file_has_not_is_refused(tmp_path: Path) -> None:
    """This also holds when the server's data about the file is wrong."""
    with pytest.raises(InvalidTransform, match="from 0 to 3"):
        make(animation(tmp_path / "a.gif"), "frame=4", frames=9)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_trim_cuts_exactly_the_border(tmp_path: Path, orientation: int) -> None:
    """Thin lines count; 3 levels of difference are border at a threshold of 3."""
    source = Image.new("RGB", (50, 40), (200, 200, 200))
    source.paste((203, 197, 200), (5, 5, 45, 35))
    source.putpixel((10, 8), (204, 200, 200))
    source.putpixel((39, 30), (10, 200, 200))
    path = oriented(tmp_path / "a.png", source, orientation)

    kept = array(seen(make(path, "trim=3")))
    inner = array(seen(make(path, "trim=2")))

    assert (kept == array(source)[8:31, 10:40]).all()
    assert (inner == array(source)[5:35, 5:45]).all()


def test_trim_comes_after_crop_and_before_the_resize(tmp_path: Path) -> None:
    """A box is filled by what trimming left of the region."""
    source = Image.new("RGB", (100, 60), WHITE)
    source.paste(RED, (30, 20, 50, 40))
    source.paste((0, 0, 0), (90, 50, 100, 60))
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, "crop=10,10,70,45&trim=9&w=10"))

    assert picture.size == (10, 10)
    assert is_near(corners(picture), (RED,) * 4, 3)
    trimmed = parse_text("trim=9&w=10")
    assert predicted_size(trimmed, plan(trimmed, 100, 60)) is None


def test_trim_uses_transparency_and_not_the_colour_under_it(tmp_path: Path) -> None:
    """Black on transparent black is content; transparent noise is border."""
    levels = np.zeros((30, 40, 4), "uint8")
    levels[:, :, 0] = np.arange(40)
    levels[10:20, 5:15] = (0, 0, 0, 255)
    path = save(tmp_path / "a.png", Image.fromarray(levels))

    assert seen(make(path, "trim=10")).size == (10, 10)


@pytest.mark.parametrize("size", [(1, 1), (30, 20)])
def test_a_picture_that_is_all_border_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    """An empty picture is not a valid result."""
    path = save(tmp_path / "a.png", Image.new("RGB", size, RED))

    assert seen(make(path, "trim=10")).size == size


def test_trim_of_an_animation_keeps_what_any_frame_shows(tmp_path: Path) -> None:
    """A dot moves: the result is the box of all its positions."""
    frames = []
    for left in (10, 20):
        frame = Image.new("RGB", (40, 40), WHITE)
        frame.paste((0, 0, 0), (left, 12, left + 5, 16))
        frames.append(frame)
    path = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])

    picture = seen(make(path, "trim=10&format=webp"))

    assert picture.size == (15, 4)
    assert getattr(picture, "n_frames", 1) == 2


def test_the_result_of_trimming_is_checked_against_the_limits(tmp_path: Path) -> None:
    """A line of one pixel, enlarged, would have gigapixels."""
    source = Image.new("RGB", (3, 2000), WHITE)
    source.paste((0, 0, 0), (1, 0, 2, 2000))
    path = save(tmp_path / "a.png", source)

    with pytest.raises(ImageTooLarge):
        make(path, "trim=9&w=2000&enlarge=1")


@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("0,0.3", 0),
        ("0.25,0.1", 0),
        ("0.3,0.5", 10),
        ("0.7123,0", 92),
        ("0.75,1", 100),
        ("1,0.2", 100),
    ],
)
def test_a_focal_point_is_in_the_middle_as_far_as_can_be(point: str, left: int) -> None:
    """200 x 100 covered by 100 x 100: from 0.25 to 0.75 the point is its middle."""
    laid = plan(parse_text(f"w=100&h=100&fit=cover&gravity=fp:{point}"), 400, 200)

    assert laid.crop == Box(left, 0, 100, 100)


@pytest.mark.parametrize(("x", "y"), [(0.1, 0.2), (0.52, 0.9), (0.85, 0.5)])
def test_the_focal_point_stays_in_the_picture(tmp_path: Path, x: float, y: float) -> None:
    """A dot at the point is visible after any cover."""
    source = Image.new("RGB", (300, 200))
    at = int(x * 300), int(y * 200)
    source.paste(WHITE, (at[0] - 8, at[1] - 8, at[0] + 8, at[1] + 8))
    path = save(tmp_path / "a.png", source)

    for box in ("w=40&h=90", "w=90&h=20", "w=30&h=30"):
        picture = array(seen(make(path, f"{box}&fit=cover&gravity=fp:{x},{y}")))
        assert picture.max() > 200


@pytest.mark.parametrize("gravity", ["smart", "entropy"])
@pytest.mark.parametrize("at", [(10, 60), (250, 60)])
def test_smart_gravities_keep_the_interesting_part(
    tmp_path: Path, gravity: str, at: tuple[int, int]
) -> None:
    """A colourful, textured patch on gray is left or right of the middle."""
    source = Image.new("RGB", (400, 160), (128, 128, 128))
    noise = np.random.default_rng(7).integers(0, 255, (60, 60, 3)).astype("uint8")
    noise[..., 0] = 230
    source.paste(Image.fromarray(noise), at)
    path = save(tmp_path / "a.png", source)

    picture = array(seen(make(path, f"w=160&h=160&fit=cover&gravity={gravity}")))

    assert picture.shape == (160, 160, 3)
    assert (picture[..., 0] > 220).sum() > 0.8 * 60 * 60


def test_an_animation_is_cropped_at_one_place(tmp_path: Path) -> None:
    """The first frame decides; the picture must not jump."""
    frames = []
    for left in (0, 150):
        frame = Image.new("RGB", (200, 60), (128, 128, 128))
        frame.paste(RED, (left, 0, left + 40, 60))
        frames.append(frame)
    path = save(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:])

    picture = seen(make(path, "w=60&h=60&fit=cover&gravity=smart&format=webp"))

    picture.seek(1)
    assert array(picture).max() < 200
