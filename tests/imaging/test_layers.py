"""Layered AVIF: the largest layer is shown, and a smaller selected layer is refused."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest

from imagesvc.errors import UnsupportedMediaType
from tests.imaging.pictures import (
    LIMITS,
    QUADRANTS,
    corners,
    is_near,
    make,
    probe,
    quadrants,
    save,
    seen,
)

LAYERED = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAAEDbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAA"
    "AAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAACZpbG9jAAAAAEQAAAEAAQAAAAIAAAErAAAAewAAAaYAAADIAAAAKGlp"
    "bmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAHppcHJwAAAAWmlwY28AAAAUaXNwZQAAAAAAAABgAA"
    "AAQAAAABBwaXhpAAAAAAMICAgAAAAMYXYxQ4EADAAAAAATY29scm5jbHgAAgACAAKAAAAAD2ExbHgAAHsAAAAAAAAA"
    "GGlwbWEAAAAAAAAAAQABBQECgwQFAAABS21kYXQSAAoMABMBAICBlv/m18hCNgBoEgF78AXwA/bR4eF3c4444KEjQO"
    "4hMyJUNv8i0tyTtJYtquRSTU8//i4hDAFdxSo4KLyIkCxSQYG6lGNSDYFP5SVcZLZdp1ggCRv0rd6/tcYyESFX6pOd"
    "YE/HGeyA9G91KQJtItZLo4Y2CMQBMAOAQAAAeid9/eqQKKKL4AAKANrfcLSkZbQ8EBhwil19jYBXsfCKU1otkUP2UY"
    "NX94yuVYj32XSB253udYzKolpfhc+GR7bLjB+as49UP/T/UTP4vQdjTajDCrwf73y5MXkGHY75vGL88OeOE/FpDhmt"
    "JuiKCbiuTEgHHEuG3eWYyyQnYpylahDW5rdNNWmWa/U86UB/0hHG/CSMT2mWDQIR2r4jjPrK1VfLRGf9VQHIGHU2Fg"
    "pbhNm1LDFPzdKlZPNBgA=="
)
"""`quadrants()` by libavif 1.4 in two layers, the first at half the size."""
TOLERANCE = 12


def claiming(data: bytes, width: int, height: int) -> bytes:
    """The file with another size of its picture (`ispe`)."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def test_a_layered_picture_is_shown(tmp_path: Path) -> None:
    """The size and quality are those of its last layer."""
    path = tmp_path / "a.avif"
    path.write_bytes(LAYERED)

    shown = seen(make(str(path), "format=png"))

    assert b"a1lx" in LAYERED
    assert shown.size == (96, 64)
    assert is_near(corners(shown), QUADRANTS, TOLERANCE)


@pytest.mark.parametrize("is_layered", [True, False])
def test_a_picture_coded_in_another_size_is_refused(tmp_path: Path, *, is_layered: bool) -> None:
    """The decoder decodes the largest layer, and only then detects that another is selected."""
    data = LAYERED if is_layered else Path(save(tmp_path / "b.avif", quadrants())).read_bytes()
    path = tmp_path / "a.avif"
    path.write_bytes(claiming(data, 48, 32))

    with pytest.raises(UnsupportedMediaType, match="48 x 32 pixels of a picture of 96 x 64"):
        probe(str(path), LIMITS)


@pytest.mark.parametrize("options", [{}, {"subsampling": "4:0:0"}, {"speed": 10, "quality": 20}])
def test_usual_pictures_claim_the_size_that_they_are_coded_in(
    tmp_path: Path, options: dict[str, object]
) -> None:
    """Odd sizes, too: a sequence header has exact sizes."""
    for size in ((1, 1), (97, 63), (512, 5)):
        path = save(tmp_path / "a.avif", quadrants(512, 512).resize(size), **options)

        assert (probe(path, LIMITS).width, probe(path, LIMITS).height) == size
