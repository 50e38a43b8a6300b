"""Rendering: sizes, frames, formats, limits and failures of the call that workers run."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imagesvc.errors import CorruptImage, ImagesvcError, ImageTooLarge, InvalidTransform
from imagesvc.imaging.calls import RENDER, Answer
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.messages import Files, Rendered, RenderRequest
from imagesvc.imaging.render import render_each
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.geometry import plan, predicted_size
from imagesvc.imaging.transforms.keys import FITS, GRAVITIES, KEYS
from imagesvc.imaging.transforms.transform import parse, parse_text
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform, Watermark
from tests.http.asking import damaged
from tests.imaging.pictures import (
    BLUE,
    LIMITS,
    QUADRANTS,
    QUALITY,
    RED,
    SpillFolder,
    animation,
    corners,
    files,
    gradient,
    is_near,
    make,
    mapped,
    oriented,
    original,
    pixel,
    quadrants,
    save,
    seen,
)

MARKS = {"text": Watermark(text="x", opacity=0.5), "tiles": Watermark(text="y", tile=True)}
TIGHT = Limits(max_pixels=20_000, max_frames=4, max_decode_bytes=1 << 30)
box = st.integers(1, 90).map(str)
share = st.integers(0, 999).map(lambda number: f"0.{number:03}")
factor = st.sampled_from(["0", "0.5", "3"])
VALUES = {
    "w": box,
    "h": box,
    "dpr": st.sampled_from(["0.1", "1.5", "5"]),
    "fit": st.sampled_from(FITS),
    "gravity": st.one_of(
        st.sampled_from(GRAVITIES),
        st.tuples(share, share).map(lambda at: f"fp:{at[0]},{at[1]}"),
    ),
    "enlarge": st.just("1"),
    "crop": st.one_of(
        st.tuples(*[st.integers(0, 70)] * 2, *[st.integers(1, 70)] * 2),
        st.tuples(share, share, share.filter(float), share.filter(float)),
    ).map(lambda region: ",".join(map(str, region))),
    "trim": st.sampled_from(["1", "40", "255"]),
    "rotate": st.one_of(
        st.sampled_from(["90", "180", "270"]),
        st.integers(0, 36_000).map(lambda degrees: str(degrees / 100)),
    ),
    "flip": st.sampled_from(["h", "v", "hv"]),
    "brightness": factor,
    "contrast": factor,
    "saturation": factor,
    "gray": st.just("1"),
    "blur": st.sampled_from(["0.3", "4"]),
    "sharpen": st.sampled_from(["0.3", "4"]),
    "bg": st.sampled_from(["ff8000", "00ff0080", "00000000"]),
    "radius": st.sampled_from(["1", "9", "8192", "max"]),
    "wm": st.sampled_from(sorted(MARKS)),
    "frame": st.sampled_from(["0", "2", "3"]),
    "lossless": st.just("1"),
    "max_bytes": st.sampled_from(["1", "400", "9999"]),
    "exact": st.just("1"),
}
wanted = st.fixed_dictionaries(
    {"format": st.sampled_from(["jpeg", "png", "webp", "gif"])}, optional=VALUES
)


def test_every_key_is_tried() -> None:
    """A new key is a new row of `VALUES`; few sizes depend on the quality."""
    assert {*VALUES, "format", "q"} == set(KEYS)


def attempt(path: str, text: str) -> Rendered | InvalidTransform | ImageTooLarge:
    """The variant, or the reason of its absence."""
    try:
        return make(path, text, TIGHT, frames=3, marks=MARKS)
    except (InvalidTransform, ImageTooLarge) as error:
        return error


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int, int]]:
    """Paths and shown sizes of small originals that use different parts of the pipeline."""
    folder = tmp_path_factory.mktemp("originals")
    picture = gradient(61, 37)
    alpha = picture.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(picture.size))
    line = gradient(1, 70)
    return {
        "jpeg": (save(folder / "a.jpg", picture), 61, 37),
        "turned": (oriented(folder / "b.jpg", picture, 6), 61, 37),
        "turned_png": (oriented(folder / "b.png", picture, 5), 61, 37),
        "alpha": (save(folder / "c.png", alpha), 61, 37),
        "gray": (save(folder / "d.png", picture.convert("L")), 61, 37),
        "line": (save(folder / "e.jpg", line), 1, 70),
        "webp": (save(folder / "f.webp", picture), 61, 37),
        "animated": (animation(folder / "g.gif", 3, (60, 40)), 60, 40),
        "animated_webp": (animation(folder / "h.webp", 3, (60, 40)), 60, 40),
        "tiff": (save(folder / "i.tif", picture.convert("CMYK")), 61, 37),
    }


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_query_renders_to_exactly_the_predicted_size(
    originals: dict[str, tuple[str, int, int]], data: st.DataObject
) -> None:
    """The geometry that the server computes without rendering is that of the result.

    Otherwise there is a refusal that names the key: a crop outside, a missing frame; or the limits.
    """
    assert_size_is_predicted(originals, data)


@pytest.mark.long
@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_many_queries_render_to_exactly_the_predicted_size(
    originals: dict[str, tuple[str, int, int]], data: st.DataObject
) -> None:
    """The long version of the previous test."""
    assert_size_is_predicted(originals, data)


def assert_size_is_predicted(
    originals: dict[str, tuple[str, int, int]], data: st.DataObject
) -> None:
    """Render a query of an original twice, and compare with the prediction."""
    path, width, height = originals[data.draw(st.sampled_from(sorted(originals)))]
    query = data.draw(wanted)
    text = "&".join("=".join(pair) for pair in query.items())

    made, again = (attempt(path, text) for _ in range(2))

    if isinstance(made, InvalidTransform):
        assert {loc for loc, _ in made.fields} <= {"crop", "frame"} & set(query)
        return
    if isinstance(made, ImageTooLarge):
        assert {"enlarge", "rotate", "fit"} & set(query)
        return
    assert not isinstance(again, ImagesvcError)
    picture = seen(made)
    assert made.data == again.data
    transform = parse(query.items())
    size = predicted_size(transform, plan(transform, width, height))
    assert (size is None) == ("trim" in query)
    assert size is None or picture.size == (size.width, size.height)
    assert picture.width * picture.height <= TIGHT.max_pixels


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif"])
def test_each_format_is_written_as_asked(tmp_path: Path, kind: str) -> None:
    """The bytes have the format, size, length and check sum of the result."""
    made = make(save(tmp_path / "a.png", quadrants()), f"w=48&format={kind}")

    picture = seen(made)
    assert made.data is not None
    assert picture.format == kind.upper()
    assert is_near(corners(picture), QUADRANTS, 16)
    assert (made.format, made.bytes, made.crc32) == (kind, len(made.data), zlib.crc32(made.data))
    assert (made.width, made.height, made.frames) == (48, 32, 1)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "gif"])
def test_the_same_transform_makes_the_same_bytes(tmp_path: Path, kind: str) -> None:
    """An evicted variant is made again with equal bytes, so its ETag stays valid."""
    path = save(tmp_path / "a.jpg", gradient())

    first, second = (make(path, f"w=100&blur=2&format={kind}") for _ in range(2))

    assert first.data == second.data


def test_quality_changes_the_size_of_a_jpeg(tmp_path: Path) -> None:
    """`q` reaches the encoder."""
    path = save(tmp_path / "a.png", gradient())

    low, high = make(path, "format=jpeg&q=20"), make(path, "format=jpeg&q=95")

    assert low.bytes < high.bytes / 2


@pytest.mark.parametrize("source", ["a.gif", "a.webp"])
@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("query", ["", "w=30", "w=20&h=20&fit=cover", "rotate=90", "blur=3"])
def test_animations_stay_animated(tmp_path: Path, source: str, kind: str, query: str) -> None:
    """Frames, their times and the number of loops are kept by every step."""
    made = make(animation(tmp_path / source), f"format={kind}&{query}".rstrip("&"))

    picture = seen(made)
    assert (getattr(picture, "n_frames", 1), made.frames) == (4, 4)
    # WebP counts how often it is played, GIF how often it is repeated.
    plays = {"a.gif": 4, "a.webp": 3}[source]
    assert picture.info["loop"] == (plays if kind == "webp" else plays - 1)
    for number in range(4):
        picture.seek(number)
        picture.load()
        assert picture.info["duration"] == 70
        assert is_near(corners(picture)[3], QUADRANTS[number], 40)


def test_each_frame_is_turned_by_itself(tmp_path: Path) -> None:
    """The white corner moves from top left to top right in every frame; frames keep their order."""
    picture = seen(make(animation(tmp_path / "a.gif"), "rotate=90&format=webp"))

    for number in range(4):
        picture.seek(number)
        frame = picture.convert("RGB")
        assert frame.size == (40, 60)
        assert is_near(pixel(frame, (37, 3)), (255, 255, 255), 12)
        assert is_near(pixel(frame, (3, 3)), QUADRANTS[number], 24)


def test_blur_does_not_mix_frames(tmp_path: Path) -> None:
    """A blur of the column of frames would bleed blue into the red frame's lower edge."""
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE)]
    path = save(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:])

    picture = seen(make(path, "blur=5&format=webp"))

    assert is_near(pixel(picture.convert("RGB"), (20, 39)), RED, 10)


@pytest.mark.parametrize("kind", ["jpeg", "png", "avif"])
def test_still_formats_take_the_first_frame(tmp_path: Path, kind: str) -> None:
    """A JPEG of an animation is its first frame, not a column of all frames."""
    made = make(animation(tmp_path / "a.gif"), f"format={kind}")

    assert made.frames == 1
    assert is_near(corners(seen(made))[3], RED, 16)


def test_only_known_stages_are_accepted_from_a_worker(tmp_path: Path) -> None:
    """Their names are used in a header, which a hijacked decoder must not control."""
    path = save(tmp_path / "a.png", quadrants())
    request = RenderRequest((Transform(format=Format.PNG),), LIMITS)
    plain, body = RENDER.pack(render_each(files(path), request))
    plain[0]["seconds"]["x\r\nset-cookie: a=b"] = 1.0

    (made,) = RENDER.unpack(plain, Answer(memoryview(body)))

    assert isinstance(made, Rendered)
    assert set(made.seconds) == {"decode", "encode"}


def test_large_outputs_are_files(tmp_path: Path) -> None:
    """More than 4 MiB never crosses the process boundary as a value."""
    noise = Image.effect_noise((2400, 2400), 90)
    spill = tmp_path / "spill"
    spill.mkdir()
    path = save(tmp_path / "a.png", noise)
    request = RenderRequest((Transform(format=Format.PNG),), LIMITS)

    (made,) = render_each(Files(mapped(path), SpillFolder(spill)), request)

    assert isinstance(made, Rendered)
    assert made.data is None
    assert made.spilled == 0
    (path_of_it,) = spill.iterdir()
    data = path_of_it.read_bytes()
    assert (len(data), zlib.crc32(data)) == (made.bytes, made.crc32)
    assert Image.open(io.BytesIO(data)).size == (2400, 2400)


def test_one_failure_does_not_affect_the_others(tmp_path: Path) -> None:
    """Of three variants one cannot be made: its entry has the error, the others their bytes."""
    path = save(tmp_path / "a.png", Image.new("L", (20_000, 2)))
    texts = ("w=10&format=png", "format=webp", "w=12&format=jpeg&q=80")
    request = RenderRequest(tuple(map(parse_text, texts)), LIMITS)

    first, second, third = render_each(files(path), request)

    assert isinstance(first, Rendered)
    assert isinstance(second, ImageTooLarge)
    assert "16,383" in second.detail
    assert isinstance(third, Rendered)


def test_damage_in_the_data_fails_the_render(tmp_path: Path) -> None:
    """If no part of a picture can be shown, none is invented; the error contains no path."""
    path = tmp_path / "a.avif"
    path.write_bytes(damaged())

    with pytest.raises(CorruptImage) as caught:
        make(str(path), "w=50")

    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize("query", ["h=8192&enlarge=1", "w=8192&h=8192&fit=cover&enlarge=1"])
def test_enlarging_has_the_limits_of_originals(tmp_path: Path, query: str) -> None:
    """A 4000 x 1 picture scaled to a height of 8192 would have 268 gigapixels."""
    path = save(tmp_path / "a.png", Image.new("L", (4000, 1)))

    with pytest.raises(ImageTooLarge, match="100,000,000"):
        make(path, query)


def test_the_limit_of_pixels_applies_in_the_renderer_too(tmp_path: Path) -> None:
    """A file that was stored under other limits is not decoded under these."""
    path = save(tmp_path / "a.png", gradient(100, 100))

    with pytest.raises(ImageTooLarge):
        make(path, "w=5", Limits(max_pixels=9_999, max_frames=1, max_decode_bytes=1 << 30))


def test_a_file_that_is_not_an_image_gives_our_error(tmp_path: Path) -> None:
    """The first bytes select the loader; no other loader is tried."""
    path = tmp_path / "a.jpg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")

    with pytest.raises(ImagesvcError):
        make(str(path), "w=5")


def test_only_the_loaders_of_accepted_formats_can_run(tmp_path: Path) -> None:
    """Formats that libvips supports but the service does not accept are blocked in a worker."""
    path = tmp_path / "a.csv"
    path.write_text("1,2,3\n4,5,6\n")

    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_file(str(path))


def test_an_effective_transform_renders_as_itself(tmp_path: Path) -> None:
    """The default format of a TIFF without alpha is JPEG."""
    path = save(tmp_path / "a.tif", quadrants())
    chosen = effective(Transform(w=10), original(Format.TIFF), QUALITY)

    (made,) = render_each(files(path), RenderRequest((chosen,), LIMITS))

    assert isinstance(made, Rendered)
    assert made.format is Format.JPEG
