"""Pixels: orientation, colour, alpha, blur and padding, compared with Pillow or by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from imagesvc.imaging.codecs import vips
from imagesvc.model.formats import Format
from tests.breadth import represented
from tests.imaging.pictures import (
    BLUE,
    GREEN,
    QUADRANTS,
    RED,
    YELLOW,
    corners,
    gradient,
    is_near,
    make,
    oriented,
    pixel,
    png_16,
    quadrants,
    save,
    seen,
    swapped_profile,
)

Pixel = tuple[int, ...]
Levels = tuple[Pixel, ...]
WHITE = (255, 255, 255)


def mean_difference(left: Image.Image, right: Image.Image) -> float:
    """Mean absolute difference of two pictures of one size, in levels."""
    assert left.size == right.size
    means = ImageStat.Stat(ImageChops.difference(left.convert("RGB"), right.convert("RGB"))).mean
    return sum(means) / 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("query", represented(["", "w=48", "h=9"], "h=9"))
def test_pictures_are_upright(tmp_path: Path, suffix: str, orientation: int, query: str) -> None:
    """All eight EXIF orientations give the same result, resized or not, shrunk on load or not."""
    path = oriented(tmp_path / f"a.{suffix}", quadrants(), orientation)

    picture = seen(make(path, query))

    assert picture.width > picture.height
    assert is_near(corners(picture), QUADRANTS, 12)
    assert 274 not in picture.getexif()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rotate=90", (BLUE, RED, YELLOW, GREEN)),
        ("rotate=180", (YELLOW, BLUE, GREEN, RED)),
        ("rotate=270", (GREEN, YELLOW, RED, BLUE)),
        ("flip=h", (GREEN, RED, YELLOW, BLUE)),
        ("flip=v", (BLUE, YELLOW, RED, GREEN)),
        ("flip=hv", (YELLOW, BLUE, GREEN, RED)),
        ("rotate=90&flip=h", (RED, BLUE, GREEN, YELLOW)),
        ("rotate=270&flip=h", (YELLOW, GREEN, BLUE, RED)),
        ("rotate=90&flip=v", (YELLOW, GREEN, BLUE, RED)),
    ],
)
def test_turns_are_clockwise_and_mirrors_come_after(
    tmp_path: Path, query: str, expected: Levels
) -> None:
    """Rotation and mirrors do not commute; the order is part of the grammar."""
    path = save(tmp_path / "a.png", quadrants())

    assert is_near(corners(seen(make(path, query))), expected, 2)


def test_the_crop_comes_before_the_turn(tmp_path: Path) -> None:
    """`gravity=west` keeps the left of the picture as shown, before the turn."""
    path = save(tmp_path / "a.png", quadrants(80, 40))

    picture = seen(make(path, "w=40&h=40&fit=cover&gravity=west&rotate=90"))

    assert is_near(corners(picture), (BLUE, RED, BLUE, RED), 2)


@pytest.mark.parametrize("size", [(50, 30), (100, 60), (163, 98)])
def test_resizing_agrees_with_pillow(tmp_path: Path, size: tuple[int, int]) -> None:
    """Lanczos of both libraries differs by two levels on average."""
    source = gradient(400, 240)
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, f"w={size[0]}&h={size[1]}&fit=fill"))

    assert mean_difference(picture, source.resize(size, Image.Resampling.LANCZOS)) < 2


def test_shrinking_on_load_agrees_with_pillow(tmp_path: Path) -> None:
    """The blocks that libjpeg averages cost less than three levels on average."""
    source = gradient(1600, 960)
    path = save(tmp_path / "a.jpg", source, quality=95)

    picture = seen(make(path, "w=100"))

    assert mean_difference(picture, source.resize((100, 60), Image.Resampling.LANCZOS)) < 3


@pytest.mark.parametrize("sigma", [1, 4, 25])
def test_blur_is_a_gaussian_of_that_sigma(tmp_path: Path, sigma: int) -> None:
    """It is compared with Pillow's, inside its edges, where the two libraries differ by design."""
    source = quadrants(400, 400)
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, f"blur={sigma}"))

    inner = (80, 80, 320, 320)
    expected = source.filter(ImageFilter.GaussianBlur(sigma))
    assert mean_difference(picture.crop(inner), expected.crop(inner)) < 2


def test_blur_of_a_large_stream_equals_blur_of_its_pixels(tmp_path: Path) -> None:
    """Wide kernels read rows that a sequential decoder has passed; none may be missing."""
    source = gradient(900, 1500)
    path = save(tmp_path / "a.jpg", source, quality=95)

    picture = seen(make(path, "blur=60"))

    inner = (200, 200, 700, 1300)
    expected = Image.open(path).filter(ImageFilter.GaussianBlur(60))
    assert mean_difference(picture.crop(inner), expected.crop(inner)) < 2


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("rotate", [90, 180])
def test_a_large_stream_can_be_turned(tmp_path: Path, suffix: str, rotate: int) -> None:
    """A turn begins with rows that a sequential decoder reaches last."""
    path = save(tmp_path / f"a.{suffix}", quadrants(1200, 3000))

    picture = seen(make(path, f"rotate={rotate}"))

    expected = {90: (BLUE, RED, YELLOW, GREEN), 180: (YELLOW, BLUE, GREEN, RED)}[rotate]
    assert is_near(corners(picture), expected, 8)


def test_gray_has_no_colour_left(tmp_path: Path) -> None:
    """All bands are equal; the green quadrant stays lighter than the blue one."""
    picture = seen(make(save(tmp_path / "a.png", quadrants()), "gray=1")).convert("RGB")

    greens = corners(picture)
    assert all(len(set(colour)) == 1 for colour in greens)
    assert greens[1][0] > greens[2][0] + 50


def test_gray_keeps_alpha(tmp_path: Path) -> None:
    """Transparency is no colour."""
    path = save(tmp_path / "a.png", Image.new("RGBA", (20, 20), (*RED, 77)))

    picture = seen(make(path, "gray=1")).convert("RGBA")

    assert pixel(picture, (5, 5))[3] == 77


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("query", ["", "w=10"])
def test_profiles_are_turned_into_srgb(tmp_path: Path, suffix: str, query: str) -> None:
    """With red and blue primaries swapped, stored red is shown blue; the profile is removed."""
    quality = {"quality": 95} if suffix in {"jpg", "webp"} else {}
    path = save(
        tmp_path / f"a.{suffix}",
        Image.new("RGB", (32, 32), (255, 0, 0)),
        icc_profile=swapped_profile(),
        **quality,
    )

    picture = seen(make(path, query))

    assert "icc_profile" not in picture.info
    assert is_near(pixel(picture.convert("RGB"), (5, 5)), (0, 0, 255), 10)


def test_a_broken_profile_is_ignored(tmp_path: Path) -> None:
    """Browsers show such pictures as if they had none."""
    path = save(tmp_path / "a.jpg", Image.new("RGB", (32, 32), RED), icc_profile=b"garbage" * 50)

    assert is_near(corners(seen(make(path, ""))), (RED,) * 4, 6)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif"])
def test_cmyk_becomes_rgb(tmp_path: Path, suffix: str, kind: str) -> None:
    """No ink is white, all yellow is yellow; without a profile other hues may differ a little."""
    source = Image.new("CMYK", (40, 20), (0, 0, 0, 0))
    source.paste((0, 0, 255, 0), (20, 0, 40, 20))
    path = save(tmp_path / f"a.{suffix}", source)

    picture = seen(make(path, f"w=20&format={kind}")).convert("RGB")

    assert is_near(pixel(picture, (3, 5)), WHITE, 8)
    red, green, blue = pixel(picture, (16, 5))
    assert min(red, green) > 220
    assert blue < 80


@pytest.mark.parametrize("query", ["", "w=4", "blur=1", "format=jpeg&q=95", "format=webp&q=95"])
@pytest.mark.parametrize(
    ("colour", "samples", "shown"),
    [
        (2, (0x8000, 0x4000, 0xC000), (128, 64, 192)),
        (0, (0x8000,), (128, 128, 128)),
        (4, (0x8000, 0xFFFF), (128, 128, 128)),
        (6, (0x8000, 0x4000, 0xC000, 0xFFFF), (128, 64, 192)),
    ],
)
def test_sixteen_bits_become_eight(
    tmp_path: Path, query: str, colour: int, samples: Pixel, shown: Pixel
) -> None:
    """The upper byte of each sample survives in every colour type."""
    path = png_16(tmp_path / "a.png", [list(samples) * 8] * 8, colour=colour)

    picture = seen(make(path, query))

    assert is_near(pixel(picture.convert("RGB"), (2, 2)), shown, 4)


@pytest.mark.parametrize("kind", ["png", "webp", "avif", "gif"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_survives_where_the_format_has_it(tmp_path: Path, kind: str, mode: str) -> None:
    """Half of the picture is transparent, before and after."""
    source = Image.new(mode, (40, 20), 0)
    opaque = Image.new(mode, (20, 20), (200,) * (len(mode) - 1) + (255,))
    source.paste(opaque, (0, 0))
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, f"w=20&format={kind}")).convert("RGBA")

    assert is_near(pixel(picture, (4, 5)), (200, 200, 200, 255), 8)
    assert pixel(picture, (15, 5))[3] == 0


@pytest.mark.parametrize("query", ["", "w=10", "blur=2"])
def test_transparency_becomes_white_in_jpeg(tmp_path: Path, query: str) -> None:
    """It is white and not black, for every colour under the transparent pixels."""
    path = save(tmp_path / "a.png", Image.new("RGBA", (20, 20), (*RED, 0)))

    assert is_near(corners(seen(make(path, f"format=jpeg&{query}".rstrip("&")))), (WHITE,) * 4, 2)


@pytest.mark.parametrize("query", ["w=10", "blur=3"])
def test_transparent_pixels_lend_no_colour_to_edges(tmp_path: Path, query: str) -> None:
    """Pure red beside transparent green: no visible pixel may have a trace of green."""
    source = Image.new("RGBA", (40, 40), (0, 255, 0, 0))
    source.paste((255, 0, 0, 255), (0, 0, 21, 40))
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, query)).convert("RGBA")

    for x in range(picture.width):
        red, green, _, alpha = pixel(picture, (x, picture.height // 2))
        assert alpha < 16 or (green < 8 and red > 247)


@pytest.mark.parametrize(
    ("kind", "margin"), [("png", (0, 0, 0, 0)), ("webp", (0, 0, 0, 0)), ("jpeg", (*WHITE, 255))]
)
def test_padding_is_transparent_where_it_can_be_else_white(
    tmp_path: Path, kind: str, margin: Pixel
) -> None:
    """A 40 x 20 picture is in the middle of a 40 x 40 canvas."""
    path = save(tmp_path / "a.jpg", Image.new("RGB", (40, 20), RED))

    picture = seen(make(path, f"w=40&h=40&fit=pad&format={kind}")).convert("RGBA")

    assert is_near(pixel(picture, (20, 3)), margin, 9)
    assert is_near(pixel(picture, (20, 36)), margin, 9)
    assert is_near(pixel(picture, (20, 20)), (*RED, 255), 8)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_gray_pictures_can_be_padded(tmp_path: Path, kind: str) -> None:
    """One band and an alpha band are processed like colour."""
    path = save(tmp_path / "a.png", Image.new("L", (40, 20), 90))

    picture = seen(make(path, f"w=40&h=40&fit=pad&format={kind}")).convert("RGBA")

    assert is_near(pixel(picture, (20, 20)), (90, 90, 90, 255), 8)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif"])
@pytest.mark.parametrize("query", ["", "w=16"])
def test_metadata_is_stripped(tmp_path: Path, kind: str, query: str) -> None:
    """The location and the author of a photograph are never in a variant."""
    exif = Image.Exif()
    exif[0x010F] = "secret-maker"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    path = save(tmp_path / "a.jpg", quadrants(), exif=exif, comment=b"secret-comment")

    made = make(path, f"format={kind}&{query}".rstrip("&"))

    assert made.data is not None
    assert b"secret" not in made.data
    assert not seen(made).getexif()


def test_nothing_is_enlarged_unless_asked(tmp_path: Path) -> None:
    """A small picture is unchanged, pixel by pixel."""
    source = quadrants(20, 10)
    path = save(tmp_path / "a.png", source)

    assert seen(make(path, "w=100")).convert("RGB").tobytes() == source.tobytes()
    assert seen(make(path, "w=100&enlarge=1")).size == (100, 50)


def test_a_picture_held_in_memory_is_read_in_any_order(tmp_path: Path) -> None:
    """As a stream, what lies between it and a reduction would be made several times."""
    path = save(tmp_path / "a.jpg", quadrants(2400, 1600))
    streamed = vips.load(Path(path).read_bytes(), Format.JPEG)

    assert streamed.get_typeof("vips-sequential")
    assert not vips.held(streamed).get_typeof("vips-sequential")
    assert streamed.get_typeof("vips-sequential")
