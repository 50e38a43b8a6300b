"""Colours in the whole service: sandboxed workers convert them, originals are unchanged."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.breadth import represented
from tests.imaging.colours import Levels, avif, cicp, deep_avif, flat, gama, png, shown
from tests.imaging.pictures import is_near, pixel, save, table_profile
from tests.server import Server

pytestmark = pytest.mark.joint

COLOUR = (128, 200, 64)
SAMPLES = [it / 255 for it in COLOUR]


def originals(folder: Path) -> dict[str, tuple[str, Levels]]:
    """A file of each kind, and its correct colour."""
    inks = Image.new("CMYK", (32, 32), (0, 0, 0, 255))
    gray = {"range": "limited", "subsampling": "4:0:0"}
    table = Image.new("RGB", (32, 32))
    return {
        "cmyk": (save(folder / "a.jpg", inks, quality=100), (20, 5, 0)),
        "table": (save(folder / "b.png", table, icc_profile=table_profile(20.0)), (0, 0, 0)),
        "cicp": (png(folder / "c.png", COLOUR, cicp(12, 13)), (103, 202, 19)),
        "gama": (png(folder / "d.png", COLOUR, gama(100_000)), (188, 229, 137)),
        "nclx": (avif(folder / "e.avif", flat(COLOUR), (12, 13)), (103, 202, 19)),
        "pq": (
            deep_avif(folder / "f.avif", (0.5, 0.4, 0.3), (9, 16)),
            shown((0.5, 0.4, 0.3), 9, 16),
        ),
        "hlg": (png(folder / "g.png", COLOUR, cicp(9, 18)), shown(SAMPLES, 9, 18)),
        "gray": (avif(folder / "h.avif", flat((64, 64, 64)), (1, 13), **gray), (64, 64, 64)),
    }


KINDS = ("cmyk", "table", "cicp", "gama", "nclx", "pq", "hlg", "gray")


@pytest.mark.parametrize("kind", represented(KINDS, "cmyk", "table", "hlg"))
def test_colours_are_right_in_variants_and_analysis(
    server: Server, tmp_path: Path, kind: str
) -> None:
    """The palette has the visible colours; the original is delivered byte for byte."""
    path, right = originals(tmp_path)[kind]
    data = Path(path).read_bytes()

    image = server.upload(data)
    assert server.finished(image["job"]["id"])["status"] == "succeeded"

    url = f"/images/{image['id']}"
    made = Image.open(io.BytesIO(server.client.get(f"{url}?format=png").content)).convert("RGB")
    assert is_near(pixel(made, (15, 15)), right, 3)
    dominant = server.client.get(f"/api/v1/images/{image['id']}").json()["dominant_color"]
    assert is_near(tuple(bytes.fromhex(dominant[1:])), right, 4)
    assert server.client.get(url).content == data
