"""Every row of the table of files that failed in real use, with its correct value, over HTTP.

The files are not part of the repository; `TEST_SHARED` names their folder.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pyvips
from PIL import Image

from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.imaging.variant_plan import plan_variant
from tests.http.asking import assert_problem
from tests.imaging.colours import CASES, Levels, shown, srgb
from tests.imaging.originals import probed
from tests.imaging.pictures import LIMITS, QUALITY, is_near, pixel, probe
from tests.server import Server
from tests.workers.processes import TICKS, workers

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"there are no files at {CASES} (TEST_SHARED)"
)
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
P3_GREEN = (103, 202, 19)
QUARTERS = ((8, 8), (56, 8), (8, 40), (56, 40))
"""The middles of a picture of 64 x 48 pixels in four colours."""
Colours = Mapping[tuple[int, int], Levels]


def quarters(*colours: Levels) -> Colours:
    return dict(zip(QUARTERS, colours, strict=True))


def of_space(primaries: int, transfer: int) -> Colours:
    """The four colours as samples of another space, in sRGB."""
    samples = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0))
    return quarters(*(shown(sample, primaries, transfer) for sample in samples))


SRGB = quarters(RED, GREEN, BLUE, YELLOW)
SHOWN: Mapping[str, Colours] = {
    "avif_nclx_p3.avif": of_space(12, 13),
    "avif_nclx_pq.avif": of_space(9, 16),
    "png_cicp_p3.png": {(16, 16): P3_GREEN},
    "png_gama_1.png": {(16, 16): (188, 229, 137)},
    "mono_limited.avif": {
        (x, 16): (level,) * 3 for x, level in ((0, 0), (16, 64), (32, 129), (48, 194), (63, 255))
    },
    "png_ztxt_1049000.png": SRGB,
    "png_iccp_1100000.png": SRGB,
    "png_bad_crc_text.png": SRGB,
    "avif_alpha_noispe.avif": {(8, 8): (200, 30, 30)},
    "tiff_zstd.tif": {(16, 16): (9, 99, 199)},
}
"""Pixels of accepted pictures, in sRGB."""


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker that is not replaced."""
    place = tmp_path_factory.mktemp("cases") / "data"
    server = Server(place, workers=1, worker_jobs=1_000_000).start()
    yield server
    server.close()


def sent(server: Server, name: str) -> httpx2.Response:
    """Send a file as a raw body."""
    return server.client.post("/images", content=(CASES / name).read_bytes())


def taken(server: Server, name: str) -> dict[str, Any]:
    """The image of a file that must be accepted, after its job has succeeded."""
    answer = sent(server, name)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    assert server.finished(image["job"]["id"])["status"] == "succeeded"
    thumbnail = server.client.get(image["urls"]["thumbnail"])
    assert thumbnail.status_code == 200
    return image


def made(server: Server, image: dict[str, Any], query: str = "format=png") -> Image.Image:
    """A variant of an image."""
    answer = server.client.get(f"/images/{image['id']}?{query}")
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_file_is_accepted_and_shown_in_its_colours(single: Server, name: str) -> None:
    """Colours differ by at most three levels from those of browsers or the specification."""
    picture = made(single, taken(single, name))

    found = {at: pixel(picture.convert("RGB"), at) for at in SHOWN[name]}
    assert all(is_near(found[at], right, 3) for at, right in SHOWN[name].items()), found


def test_black_ink_is_black(single: Server) -> None:
    """It is neither gray nor washed out."""
    picture = made(single, taken(single, "cmyk_k100.jpg")).convert("RGB")

    red, green, blue = pixel(picture, (16, 16))
    assert (red <= 23, green <= 8, blue <= 3) == (True, True, True), (red, green, blue)


def test_floating_point_is_light(single: Server) -> None:
    """The range is 0 to 1; values outside are clipped."""
    stored = pyvips.Image.new_from_file(str(CASES / "float_rgb.tif"))
    picture = made(single, taken(single, "float_rgb.tif")).convert("RGB")

    for at in ((0, 0), (20, 20), (39, 39)):
        assert is_near(pixel(picture, at), srgb(stored(*at)), 3), at


def test_what_no_frame_paints_is_transparent(single: Server) -> None:
    """This also holds for a GIF of one frame that is smaller than its canvas."""
    picture = made(single, taken(single, "gif_uncovered.gif")).convert("RGBA")

    painted = {(x, y) for x in range(12) for y in range(12) if pixel(picture, (x, y))[3] == 255}
    assert 0 < len(painted) < 144
    assert all(x >= 4 and y >= 4 for x, y in painted)


def test_a_transparent_avif_keeps_its_transparency(single: Server) -> None:
    """Its transparency item does not declare its size."""
    picture = made(single, taken(single, "avif_alpha_noispe.avif"))

    assert abs(pixel(picture.convert("RGBA"), (8, 8))[3] - 128) <= 3


def test_the_frames_of_an_animated_png_are_consistent(single: Server) -> None:
    """JSON, `frame` and variants agree."""
    image = taken(single, "apng.png")

    frames = [made(single, image, f"frame={number}&format=png") for number in range(3)]
    moving = made(single, image, "w=16&format=webp")
    beyond = single.client.get(f"/images/{image['id']}?frame=3")

    assert image["frames"] == 3
    assert [pixel(frame.convert("RGB"), (9, 9)) for frame in frames] == [RED, GREEN, BLUE]
    assert getattr(moving, "n_frames", 1) == 3
    assert "from 0 to 2" in assert_problem(beyond, 400, "invalid_transform")["detail"]


@pytest.mark.parametrize(
    "name", ["ico_256x_chunks20k.ico", "tiff_4000x1M_bytes.tif", "avif_iprp_3000_deep.avif"]
)
def test_a_file_that_is_made_to_cost_is_refused(single: Server, name: str) -> None:
    """The header is enough; no data is kept."""
    before = single.blobs()

    answer = sent(single, f"hostile/{name}")

    assert (answer.status_code, answer.json()["code"]) in {
        (422, "image_too_large"), (422, "corrupt_image"),
    }  # fmt: skip
    assert single.blobs() == before


def test_texts_that_end_in_an_error_are_skipped(single: Server) -> None:
    """They take no more time than a picture without them."""
    began = used(single)[0]

    taken(single, "hostile/png_ztxt_err_100.png")

    assert used(single)[0] - began < 2.0


@pytest.mark.long  # 500 frames; tests/imaging/test_cost.py turns an animation of 90
def test_memory_of_a_turned_animation_is_predicted(single: Server) -> None:
    """If it is too large it is refused, as here, by its predicted time."""
    name, query = "hostile/webp_500x300.webp", "rotate=7&format=gif"
    image = taken(single, name)
    before = used(single)[1]
    original = probed(str(CASES / name))

    answer = single.client.get(f"/images/{image['id']}?{query}")

    assert answer.status_code in {200, 422}
    predicted = plan_variant(effective(parse_text(query), original, QUALITY), original).cost
    assert used(single)[1] - before <= predicted.memory


@pytest.mark.long
def test_the_time_of_many_scans_is_predicted(single: Server) -> None:
    """The prediction is within a factor that a busy machine does not exceed."""
    image = taken(single, "hostile/jpeg_arith_prog_mid.jpg")
    predicted = probe(str(CASES / "hostile/jpeg_arith_prog_mid.jpg"), LIMITS).decode_seconds
    began = used(single)[0]

    made(single, image, "w=100&exact=1&format=jpeg")

    assert used(single)[0] - began < 3 * predicted + 1


def used(server: Server) -> tuple[float, int]:
    """Processor time and peak memory of the only worker, as the kernel counts them."""
    (pid,) = workers(server)
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return (int(fields[11]) + int(fields[12])) / TICKS, int(peak) << 10
