"""Colours, sharpness, corners and backgrounds, compared with formulas in NumPy or Pillow."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageColor, ImageFilter

from tests.breadth import represented
from tests.imaging.pictures import (
    BLUE,
    QUADRANTS,
    RED,
    animation,
    corners,
    gradient,
    is_near,
    make,
    pixel,
    quadrants,
    save,
    seen,
)
from tests.imaging.test_regions import array

WHITE = (255, 255, 255)
LUMA = np.array([0.213, 0.715, 0.072])
TO_SRGB = np.linalg.inv(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
"""From CIE XYZ at D50 to linear sRGB (IEC 61966-2-1, adapted by Bradford)."""
ADOBE = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))


def adjusted(levels: Any) -> np.ndarray:
    """Rounded and clipped to eight bits."""
    clipped: np.ndarray = np.clip(np.rint(levels), 0, 255)
    return clipped


@pytest.mark.parametrize("factor", [0, 0.4, 1.7, 3])
def test_brightness_multiplies(tmp_path: Path, factor: float) -> None:
    """Every level is multiplied by the factor, as in Filter Effects and Pillow."""
    source = gradient()
    picture = array(seen(make(save(tmp_path / "a.png", source), f"brightness={factor}")))

    assert np.abs(picture - adjusted(array(source) * factor)).max() <= 0.5


@pytest.mark.parametrize("factor", [0, 0.4, 1.7, 3])
def test_contrast_spreads_around_middle_gray(tmp_path: Path, factor: float) -> None:
    """The result is that of contrast() of Filter Effects: 127.5 stays."""
    source = gradient()
    picture = array(seen(make(save(tmp_path / "a.png", source), f"contrast={factor}")))

    assert np.abs(picture - adjusted((array(source) - 127.5) * factor + 127.5)).max() <= 1


@pytest.mark.parametrize("factor", [0, 0.4, 1.7, 3])
def test_saturation_moves_colours_from_their_gray(tmp_path: Path, factor: float) -> None:
    """The result is that of saturate() of Filter Effects; gray stays, and 0 removes all colour."""
    source = gradient()
    levels = array(source)
    shade = (levels @ LUMA)[..., None]

    picture = array(seen(make(save(tmp_path / "a.png", source), f"saturation={factor}")))

    assert np.abs(picture - adjusted(shade + (levels - shade) * factor)).max() <= 1


def test_brightness_comes_before_contrast_and_both_before_saturation(tmp_path: Path) -> None:
    """Each is clipped before the next; the order is part of the grammar."""
    source = gradient()
    bright = np.clip(array(source) * 2, 0, 255)
    spread = adjusted((bright - 127.5) * 0.5 + 127.5)
    shade = (spread @ LUMA)[..., None]

    path = save(tmp_path / "a.png", source)
    picture = array(seen(make(path, "saturation=0.5&contrast=0.5&brightness=2")))

    assert np.abs(picture - adjusted(shade + (spread - shade) * 0.5)).max() <= 1


@pytest.mark.parametrize("query", ["brightness=2", "contrast=2", "saturation=2", "sharpen=2"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_no_colour(tmp_path: Path, query: str, mode: str) -> None:
    """Alpha is unchanged."""
    source = gradient()
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    source = source.convert(mode)

    picture = seen(make(save(tmp_path / "a.png", source), query)).convert("RGBA")

    assert picture.getchannel("A").tobytes() == source.getchannel("A").tobytes()


@pytest.mark.parametrize(
    ("query", "sigma"),
    represented(
        itertools.product(("blur", "sharpen"), (0.3, 0.5, 1, 1.65, 2, 3, 5, 10)),
        ("blur", 0.3), ("blur", 3), ("blur", 10),
        ("sharpen", 0.5), ("sharpen", 1.65), ("sharpen", 5),
    ),
)  # fmt: skip
def test_flat_areas_keep_their_level(tmp_path: Path, query: str, sigma: float) -> None:
    """Quick convolutions have coefficients of few bits, and would be up to 3 % off."""
    for level in (0, 30, 128, 200, 220, 254, 255):
        path = save(tmp_path / "a.png", Image.new("L", (9, 9), level))
        assert is_near(corners(seen(make(path, f"{query}={sigma}"))), ((level,) * 3,) * 4, 2)


@pytest.mark.parametrize("sigma", [0.5, 1, 3, 10])
def test_sharpen_is_an_unsharp_mask(tmp_path: Path, sigma: float) -> None:
    """The picture twice less its Gaussian blur: Pillow's, inside the edges."""
    source = quadrants(240, 240)
    blurred = source.filter(ImageFilter.GaussianBlur(sigma))

    picture = array(seen(make(save(tmp_path / "a.png", source), f"sharpen={sigma}")))

    expected = np.clip(2 * array(source) - array(blurred), 0, 255)
    assert np.abs(picture - expected)[40:200, 40:200].mean() < 1
    assert np.abs(picture - array(source))[40:200, 40:200].mean() > 0.2


def test_sharpening_a_large_stream_equals_sharpening_its_pixels(tmp_path: Path) -> None:
    """The blur reads rows that the decoder has passed; none may be missing."""
    source = gradient(900, 1500)
    path = save(tmp_path / "a.jpg", source, quality=95)

    streamed = seen(make(path, "sharpen=10"))
    copied = seen(make(save(tmp_path / "b.png", Image.open(path)), "sharpen=10"))

    assert np.abs(array(streamed) - array(copied)).max() <= 4


def test_edges_beside_transparency_are_not_sharpened_towards_black(tmp_path: Path) -> None:
    """Pure red beside transparent black stays pure red."""
    source = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    source.paste((200, 100, 50, 255), (0, 0, 20, 40))

    picture = seen(make(save(tmp_path / "a.png", source), "sharpen=3")).convert("RGBA")

    assert is_near(pixel(picture, (19, 20)), (200, 100, 50, 255), 2)


@pytest.mark.parametrize(
    ("query", "margin"),
    [
        ("bg=ff8000&format=png", (255, 128, 0, 255)),
        ("bg=ff8000&format=webp&lossless=1", (255, 128, 0, 255)),
        ("bg=ff800080&format=png", (255, 128, 0, 128)),
        ("bg=ff800080&format=jpeg&q=100", (255, 191, 127, 255)),
        ("bg=808080&format=jpeg&q=100", (128, 128, 128, 255)),
        ("bg=00000000&format=jpeg&q=100", (*WHITE, 255)),
        ("bg=00000000&format=png", (0, 0, 0, 0)),
        ("gray=1&bg=ff8000&format=png", (255, 128, 0, 255)),
        ("saturation=0&brightness=0.5&bg=ff8000&format=png", (255, 128, 0, 255)),
    ],
)
@pytest.mark.parametrize("mode", represented(["RGB", "L", "LA", "RGBA"], "L", "RGBA"))
def test_margins_are_exactly_the_background(
    tmp_path: Path, query: str, margin: tuple[int, ...], mode: str
) -> None:
    """This holds for all colours of the picture, and all operations on it."""
    path = save(tmp_path / "a.png", Image.new("RGB", (40, 20), RED).convert(mode))

    picture = seen(make(path, f"w=40&h=40&fit=pad&{query}")).convert("RGBA")

    tolerance = 2 if "jpeg" in query else 0
    assert is_near(pixel(picture, (20, 1)), margin, tolerance)
    assert is_near(pixel(picture, (0, 39)), margin, tolerance)
    assert pixel(picture, (20, 20))[3] == 255


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("format=jpeg&q=100", (241, 167, 167)),
        ("format=jpeg&q=100&bg=000000", (86, 12, 12)),
        ("bg=00ff00", (86, 167, 12)),
        ("bg=00ff0080", None),
        ("", (*RED, 100)),
    ],
)
def test_transparency_is_put_on_the_background(
    tmp_path: Path, query: str, shown: tuple[int, ...] | None
) -> None:
    """Alpha of 100: 100/255 of the picture, the rest of the background (or of white in JPEG)."""
    path = save(tmp_path / "a.png", Image.new("RGBA", (20, 20), (*RED, 100)))

    found = pixel(seen(make(path, query)), (5, 5))

    if shown is None:  # Porter and Duff's over
        alpha = 100 / 255 + (1 - 100 / 255) * 128 / 255
        under = (1 - 100 / 255) * 128 / 255
        colour = (np.array(RED) * 100 / 255 + np.array((0, 255, 0)) * under) / alpha
        shown = (*map(round, colour), round(alpha * 255))
    assert is_near(found, shown, 2)


@pytest.mark.parametrize("degrees", [10, 45, 123.45, 200, 300.5])
def test_any_angle_agrees_with_pillow(tmp_path: Path, degrees: float) -> None:
    """Clockwise, around the middle; both bicubic."""
    source = quadrants(120, 80).filter(ImageFilter.GaussianBlur(2))
    path = save(tmp_path / "a.png", source)

    picture = seen(make(path, f"rotate={degrees}&bg=ffffff")).convert("RGB")

    turned = source.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)
    size = min(picture.width, turned.width) - 4, min(picture.height, turned.height) - 4
    left, right = (middle(it, size) for it in (picture, turned))
    assert abs(picture.width - turned.width) <= 2
    assert np.abs(array(left) - array(right)).mean() < 4


def middle(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The part of a size around the middle."""
    left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
    return picture.crop((left, top, left + size[0], top + size[1]))


@pytest.mark.parametrize(
    ("query", "corner"),
    [
        ("", (0, 0, 0, 0)),
        ("bg=00ff00", (0, 255, 0, 255)),
        ("bg=0000ff40", (0, 0, 255, 64)),
        ("format=jpeg&q=100", (*WHITE, 255)),
        ("format=jpeg&q=100&bg=00ff00", (0, 255, 0, 255)),
    ],
)
def test_a_turn_by_45_degrees_fills_its_corners(
    tmp_path: Path, query: str, corner: tuple[int, ...]
) -> None:
    """A square of 100 becomes a diamond of 142; its tips reach the middles of the sides."""
    path = save(tmp_path / "a.png", Image.new("RGB", (100, 100), RED))

    picture = seen(make(path, f"{query}&rotate=45".lstrip("&"))).convert("RGBA")

    assert picture.size == (142, 142)
    for at in ((0, 0), (141, 0), (0, 141), (141, 141), (34, 34), (107, 107)):
        assert is_near(pixel(picture, at), corner, 3)
    for at in ((71, 3), (3, 71), (138, 71), (71, 138), (38, 38), (103, 103), (71, 71)):
        assert is_near(pixel(picture, at), (*RED, 255), 3)


def test_opposite_angles_mirror_each_other(tmp_path: Path) -> None:
    """The middle stays the middle: a turn to the right is the mirror of one to the left."""
    path = save(tmp_path / "a.png", Image.new("RGB", (61, 40), RED))

    right = array(seen(make(path, "rotate=30")), "RGBA")
    left = array(seen(make(path, "rotate=330")), "RGBA")

    assert np.abs(right[:, ::-1] - left).max() <= 1
    assert np.abs(right[::-1, ::-1] - right).max() <= 1


@pytest.mark.parametrize(("query", "radius"), [("radius=10", 10), ("radius=max", 20)])
def test_the_mask_of_rounded_corners(tmp_path: Path, query: str, radius: int) -> None:
    """The mask is compared with the area of each pixel inside a circle, sampled 16 x 16 times."""
    path = save(tmp_path / "a.png", Image.new("RGB", (60, 40), RED))

    alpha = array(seen(make(path, query)), "RGBA")[..., 3]

    steps = (np.arange(radius * 16) + 0.5) / 16
    inside = (steps[:, None] - radius) ** 2 + (steps[None, :] - radius) ** 2 <= radius**2
    covered = inside.reshape(radius, 16, radius, 16).mean((1, 3)) * 255
    for corner in (
        alpha[:radius, :radius],
        alpha[:radius, ::-1][:, :radius],
        alpha[::-1][:radius, :radius],
        alpha[::-1, ::-1][:radius, :radius],
    ):
        assert np.abs(corner - covered).max() < 24
    assert (alpha[radius : 40 - radius] == 255).all()
    assert (alpha[:, radius : 60 - radius] == 255).all()


@pytest.mark.parametrize(
    ("query", "corner"),
    [
        ("format=png", (0, 0, 0, 0)),
        ("format=png&bg=00ff00", (0, 0, 0, 0)),
        ("format=jpeg&q=100", (*WHITE, 255)),
        ("format=jpeg&q=100&bg=00ff00", (0, 255, 0, 255)),
        ("format=png&bg=00ff00&w=40&h=40&fit=pad", (0, 255, 0, 255)),
    ],
)
def test_outside_of_rounded_corners(tmp_path: Path, query: str, corner: tuple[int, ...]) -> None:
    """The corners are transparent if possible, and on the canvas if there is one."""
    path = save(tmp_path / "a.png", Image.new("RGB", (40, 30), RED))

    picture = seen(make(path, f"radius=max&{query}")).convert("RGBA")

    at = (picture.height - 30) // 2
    found = pixel(picture, (0, at))
    assert found[3] == 0 if corner[3] == 0 else is_near(found, corner, 4)
    assert is_near(pixel(picture, (20, at + 15)), (*RED, 255), 3)


def test_rounded_corners_keep_what_was_transparent(tmp_path: Path) -> None:
    """Both masks are multiplied."""
    path = save(tmp_path / "a.png", Image.new("RGBA", (40, 40), (*RED, 90)))

    picture = seen(make(path, "radius=12"))

    assert pixel(picture, (20, 20)) == (*RED, 90)
    assert pixel(picture, (0, 0))[3] == 0


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("query", ["radius=8", "rotate=30", "sharpen=2", "saturation=2&bg=ffffff"])
def test_each_frame_is_worked_on_by_itself(tmp_path: Path, query: str, kind: str) -> None:
    """Four frames in four colours, before and after."""
    picture = seen(make(animation(tmp_path / "a.gif"), f"{query}&format={kind}"))

    assert getattr(picture, "n_frames", 1) == 4
    middle = picture.width // 2, picture.height // 2
    for number in range(4):
        picture.seek(number)
        found = pixel(picture.convert("RGB"), middle)
        assert np.argmax(found[:2]) == np.argmax(QUADRANTS[number][:2]) or number > 1
        assert (found[2] > 120) == (number == 2)


def profile(colorants: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    """A matrix profile of three primaries and a gamma.

    Source: ICC.1:2001-04, sections 6.1 (header), 6.5.3 (curveType), 6.5.22 (XYZType).
    """

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 80
    columns = list(zip(*colorants, strict=True))
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0x\0\0\0", b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    tags |= {
        name: xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += padded
    head = struct.pack(
        ">I4sI4s4s4s",
        132 + 12 * len(tags) + len(body),
        b"none",
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
    )
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    return head + xyz((0.9642, 1.0, 0.8249))[8:] + b"\0" * 48 + table + body


def srgb_of(levels: Any, colorants: Any, linear: Any) -> np.ndarray:
    """Levels of another RGB space in sRGB, clipped: matrices and curves of the standards."""
    light = np.clip(TO_SRGB @ (np.array(colorants) @ linear(np.array(levels) / 255)), 0, 1)
    curved = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    found: np.ndarray = np.rint(curved * 255)
    return found


def srgb_curve(levels: np.ndarray) -> np.ndarray:
    """Light from levels, by IEC 61966-2-1; Display P3 has the same curve."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


COLOURS = ["#ff0000", "#00ff00", "#c86432", "#3c8246", "#808080", "#0a14f0"]


@pytest.mark.parametrize("query", ["", "w=8", "crop=2,2,8,8", "trim=1", "saturation=1.01"])
@pytest.mark.parametrize("name", represented(COLOURS, *COLOURS[:3]))
def test_adobe_rgb_becomes_srgb(tmp_path: Path, name: str, query: str) -> None:
    """The result is compared with the matrices of Adobe RGB (1998).

    Two levels of tolerance for rounding.
    """
    colour = ImageColor.getrgb(name)
    source = Image.new("RGB", (16, 16), colour)
    path = save(tmp_path / "a.png", source, icc_profile=profile(ADOBE, 563 / 256))

    found = pixel(seen(make(path, query)).convert("RGB"), (2, 2))

    assert is_near(found, tuple(srgb_of(colour, ADOBE, lambda it: it ** (563 / 256))), 3)


@pytest.mark.parametrize("query", ["", "w=8", "rotate=30", "w=8&h=4&fit=cover&gravity=smart"])
@pytest.mark.parametrize("name", represented(COLOURS, *COLOURS[-3:]))
def test_display_p3_becomes_srgb(tmp_path: Path, name: str, query: str) -> None:
    """The result is compared with the matrices of Display P3, which phones use."""
    colour = ImageColor.getrgb(name)
    source = Image.new("RGB", (16, 16), colour)
    data = bytes(pyvips.Operation.call("profile_load", "p3"))
    path = save(tmp_path / "a.png", source, icc_profile=data)

    picture = seen(make(path, query)).convert("RGB")

    found = pixel(picture, (picture.width // 2, picture.height // 2))
    assert is_near(found, tuple(srgb_of(colour, P3, srgb_curve)), 3)


def test_a_palette_keeps_its_transparent_entry(tmp_path: Path) -> None:
    """PNG and GIF of 256 colours, one of them transparent; resized, edges stay clean."""
    source = Image.new("P", (40, 40), 0)
    source.putpalette([0, 255, 0, *RED, *BLUE])
    source.paste(1, (0, 0, 20, 40))
    for suffix in ("png", "gif"):
        path = save(tmp_path / f"a.{suffix}", source, transparency=0)
        for query in ("", "w=20", "crop=10,0,20,40", "rotate=10&w=30"):
            levels = array(seen(make(path, query)), "RGBA")
            solid = levels[levels[..., 3] > 24]
            assert (np.abs(solid[:, :3] - RED) <= 9).all()
            assert (levels[..., 3] == 0).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
@pytest.mark.parametrize("mode", represented(["RGB", "LA", "P", "1"], "LA"))
@pytest.mark.parametrize(
    "query",
    [
        "crop=0.3,0.3,0.1,0.1",
        "rotate=45",
        "sharpen=5",
        "radius=max",
        "w=1&h=1&fit=cover",
        "w=9&h=9&fit=pad&bg=ff0000",
        "trim=5",
        "blur=5",
        "saturation=2&contrast=2",
    ],
)
def test_one_pixel_is_enough(tmp_path: Path, size: tuple[int, int], mode: str, query: str) -> None:
    """No step divides by a side less one, or looks beyond an edge."""
    path = save(tmp_path / "a.png", Image.new(mode, size))

    seen(make(path, query)).load()


@pytest.mark.parametrize("box", [(3, 3), (2, 1), (7, 5), (1, 1)])
def test_odd_sizes_cover_and_pad(tmp_path: Path, box: tuple[int, int]) -> None:
    """The spare pixel is at the right and bottom; the box is exact."""
    path = save(tmp_path / "a.png", quadrants(10, 6))

    for fit in ("cover", "pad"):
        picture = seen(make(path, f"w={box[0]}&h={box[1]}&fit={fit}&gravity=fp:0.31,0.77"))
        assert picture.size == box


def test_a_gray_picture_stays_gray(tmp_path: Path) -> None:
    """Colour factors have no effect; its corners are correct."""
    path = save(tmp_path / "a.png", Image.new("L", (20, 20), 100))

    picture = seen(make(path, "saturation=3&brightness=1.5"))

    assert picture.mode == "L"
    assert corners(picture) == ((150, 150, 150),) * 4
