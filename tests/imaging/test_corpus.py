"""The corpus of valid and hostile files, if available (`TEST_SHARED`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagesvc.imaging.containers.magic import HEAD_BYTES, sniff
from imagesvc.imaging.location.remove import reduced_copy
from imagesvc.imaging.messages import Withheld
from imagesvc.model.formats import Format
from tests.imaging.test_folder import Outcome, decodes_with_pillow, ran
from tests.imaging.test_location import shown

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TEST_SHARED", REPOSITORY.parent / "shared"))
CORPUS = SHARED / "corpus"
MAX_SECONDS, MAX_RSS_KIB = 10, 1_000_000
SLOW_TO_MAKE = {"loop_tiff_65000_pages.tif"}
"""Making it takes a minute; `test_probe.py` covers looping and numerous pages."""
SLOW = {
    "frames_apng_40x_2000x2000.png", "frames_gif_45x_2000x2000.gif",
    "bomb_png_interlaced_rgba16_7000x7000.png", "bomb_avif_grid_12000x4000.avif",
    "bomb_jpeg_progressive_cmyk_7000x7000_tiny.jpg",
}  # fmt: skip
"""Files that take half a second or more: the long run has them."""
EVERY = 3
"""Of the files that are not expected to be accepted, the short run has one in so many."""

pytestmark = [
    pytest.mark.skipif(
        not (CORPUS / "manifest.json").exists(), reason=f"there is no test corpus at {CORPUS}"
    ),
    pytest.mark.timeout(1800),
]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), marks=pytest.mark.breadth),
        pytest.param(("--all-queries",), marks=pytest.mark.long),
    ],
    ids=["a query of each", "all queries of each"],
)
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Outcome]]:
    """The result of each file, by the expectation of the manifest."""
    made, is_long = tmp_path_factory.mktemp("corpus"), bool(request.param)
    expectations, generated = {}, []
    for number, entry in enumerate(json.loads((CORPUS / "manifest.json").read_text())["files"]):
        path = CORPUS / entry["name"]
        if path.name in SLOW_TO_MAKE or (path.name in SLOW and not is_long):
            continue
        if not (is_long or path.parent.name == "valid" or number % EVERY == 0):
            continue
        if entry.get("generated"):
            generated.append(path.name)
            path = made / path.name
        expectations[str(path)] = entry["expectation"]
    script = [sys.executable, str(CORPUS / "make_hostile.py"), "--big", "--out", str(made)]
    subprocess.run([*script, *generated], check=True, capture_output=True)
    found: dict[str, list[Outcome]] = {"accept": [], "reject": [], "either": []}
    for outcome in ran(list(expectations), *request.param):
        found[expectations[outcome["path"]]].append(outcome)
    assert sum(map(len, found.values())) == len(expectations)
    return found


def test_every_correct_image_is_accepted_and_rendered(outcomes: dict[str, list[Outcome]]) -> None:
    """A picture that browsers show must not be refused."""
    assert [it for it in outcomes["accept"] if it["stage"] != "done"] == []


def test_valid_files_of_rarer_formats_are_accepted(outcomes: dict[str, list[Outcome]]) -> None:
    """HEIC, BMP, JPEG 2000 and ICO are in use, too."""
    suffixes = {".bmp", ".heic", ".heif", ".ico", ".jp2"}
    sound = [
        it
        for it in outcomes["either"]
        if Path(it["path"]).parent.name == "valid" and Path(it["path"]).suffix in suffixes
    ]

    assert len(sound) >= 7
    assert [it for it in sound if it["stage"] != "done"] == []


def test_every_hostile_file_is_refused_by_its_header(outcomes: dict[str, list[Outcome]]) -> None:
    """The upload is refused with a client error, before a pixel is decoded."""
    bad = [it for it in outcomes["reject"] if it["stage"] != "probe" or not it["rejected"]]

    assert bad == []


def test_no_file_crashes_a_worker_or_exhausts_it(outcomes: dict[str, list[Outcome]]) -> None:
    """It is decided in 10 s of processor time and 1 GB, by a process that ends by itself."""
    bad = [
        it
        for those in outcomes.values()
        for it in those
        if it["exit"] != 0 or it["seconds"] > MAX_SECONDS or it["rss_kib"] > MAX_RSS_KIB
    ]

    assert bad == []


def test_a_refusal_is_always_a_client_error(outcomes: dict[str, list[Outcome]]) -> None:
    """Every invalid file gives a 4xx that is not worth a retry."""
    refused = [it for it in outcomes["either"] if it["stage"] != "done"]

    assert [it for it in refused if not it["rejected"]] == []


def test_accepted_files_have_a_thumbnail(outcomes: dict[str, list[Outcome]]) -> None:
    """The exception is damaged pixels in a format that is decoded completely or not at all."""
    failed = [it for those in outcomes.values() for it in those if it["stage"] == "render"]

    assert [it for it in failed if decodes_with_pillow(Path(it["path"]))] == []
    assert {Path(it["path"]).suffix for it in failed} <= {".avif", ".heic", ".jp2", ".webp"}


def test_no_metadata_leaks_into_a_variant(outcomes: dict[str, list[Outcome]]) -> None:
    """No output contains the texts planted in the corpus."""
    assert [it for it in outcomes["accept"] if it.get("leaked")] == []


@pytest.mark.breadth
def test_copies_without_location_show_the_same_pixels() -> None:
    """Every valid file of which a copy can be made; `test_location` has one of each form."""
    kinds = set()
    for path in sorted((CORPUS / "valid").iterdir()):
        content = path.read_bytes()
        kind = sniff(content[:HEAD_BYTES])
        made = None if kind is None else reduced_copy(content, kind, Withheld.LOCATION)
        if kind is None or made is None or made == content:
            continue
        kinds.add(kind)
        assert shown(made) == shown(content), path.name
        assert reduced_copy(made, kind, Withheld.LOCATION) == made
    assert {Format.JPEG, Format.PNG, Format.WEBP, Format.GIF} <= kinds
