"""Files that are expensive to identify: each is answered within limits and leaves no data."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from imagesvc.imaging.location.remove import reduced_copy
from imagesvc.imaging.messages import Withheld
from imagesvc.model.formats import Format
from tests.attack.hostile import bitmaps, boxes, directories, gif, jpeg, png, sequences, webp
from tests.breadth import represented
from tests.http.asking import orphans, picture
from tests.server import Server
from tests.workers.processes import TICKS, workers

CPU_SECONDS = 5.0
"""Limits of the worker for identification, the job and a variant; most files take a tenth."""
REMOVAL_SECONDS = 2.0
MEMORY_BYTES = 512 << 20
"""The limit of the worker's growth at its peak, over all files."""
REFUSALS = {413, 415, 422}
MAKERS: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
    "png": png.pngs,
    "jpeg": jpeg.jpegs,
    "gif": gif.gifs,
    "webp": webp.webps,
    "tiff": directories.tiffs,
    "bmp and ico": bitmaps.bitmaps,
    "jpeg 2000": boxes.jp2s,
    "avif": boxes.avifs,
    "avif sequences": sequences.sequences,
    "heic": boxes.heics,
}
COSTLY = {
    "gif_frames_490", "gif_comments_5M", "gif_comment_10M_tiny", "gif_comment_20M",
    "gif_loops_500k", "gif_xmp_20M", "jpeg_xmp_500", "jpeg_icc_16M", "tiff_icc_20M", "tiff_xmp_20M",
    "jp2_icc_20M", "jp2_xml_20M", "webp_icc_20M", "webp_xmp_20M", "png_splt_200",
    "jpeg_app_700_full", "jpeg_comments_700_full", "jpeg_photoshop_700", "jpeg_exif_x600",
    "png_idat_90k", "png_times_50k", "png_unknown_90k", "png_exif_zeros_20M",
    "webp_unknown_1M", "webp_unknown_90k", "webp_xmps_90k", "webp_exif_zeros_20M",
    *(f"png_{kind}_{state}_x600" for kind in ("zTXt", "iTXt", "iCCP") for state in png.STATES),
}  # fmt: skip
"""The files that take the most time of the tests; each has a sibling, in its format or another."""
SHARED = Path(os.environ.get("TEST_SHARED", Path(__file__).parents[3] / "shared"))
FOUND = SHARED / "cases" / "hostile"
STATUSES = {
    "avif_iprp_3000_deep.avif": 422,
    "ico_256x_chunks20k.ico": 422,
    "png_ztxt_err_100.png": 201,
    "tiff_4000x1M_bytes.tif": 422,
}
"""The files of the folder that are expensive to identify; the others are expensive to decode."""


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker, which is never replaced."""
    place = tmp_path_factory.mktemp("lone") / "data"
    server = Server(place, workers=1, worker_jobs=1_000_000, rate_limits="off").start()
    server.finished(server.upload(picture(1))["job"]["id"])
    yield server
    server.close()


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that a worker has used so far."""

    pid: int
    seconds: float
    peak_bytes: int


def usage(server: Server) -> Usage:
    """The usage of the only worker, as the kernel counts it."""
    (pid,) = workers(server)
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return Usage(pid, (int(fields[11]) + int(fields[12])) / TICKS, int(peak) << 10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one file, and its cost."""

    upload: httpx2.Response
    later: tuple[int, ...]
    """Statuses of a variant and of the original, if the file was accepted."""
    seconds: float
    removal_seconds: float
    """The time to remove the location from a copy."""
    grown_bytes: int
    is_same_worker: bool

    @property
    def is_fine(self) -> bool:
        """Accepted, or refused with a client error, within the limits."""
        status = self.upload.status_code
        is_shown = status == 201 and self.later in {(200, 200), (422, 200)}
        return (
            (is_shown or status in REFUSALS)
            and self.seconds < CPU_SECONDS
            and self.removal_seconds < REMOVAL_SECONDS
            and self.grown_bytes < MEMORY_BYTES
            and self.is_same_worker
        )


def through_everything(server: Server, content: bytes) -> Outcome:
    """Upload a file, wait for its job, get a variant and the original; then delete it."""
    before = usage(server)
    upload = server.client.post("/api/v1/images", content=content)
    later: tuple[int, ...] = ()
    if upload.status_code == 201:
        image = upload.json()
        server.finished(image["job"]["id"])
        url = f"/images/{image['id']}"
        shown = (f"{url}?w=24&format=png&exact=1", url)
        later = tuple(server.client.get(it).status_code for it in shown)
        assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204
    after = usage(server)
    return Outcome(
        upload,
        later,
        after.seconds - before.seconds,
        seconds_to_remove_location(content, upload) if upload.status_code == 201 else 0.0,
        after.peak_bytes - before.peak_bytes,
        after.pid == before.pid,
    )


def seconds_to_remove_location(content: bytes, upload: httpx2.Response) -> float:
    """The copy of an original for strangers is made quickly, or not at all."""
    started = time.thread_time()
    made = reduced_copy(content, Format(upload.json()["format"]), Withheld.LOCATION)
    seconds = time.thread_time() - started
    assert made is None or len(made) <= len(content)
    return seconds


def assert_unharmed(server: Server) -> None:
    """No data of the files is left, and the next upload is identified."""
    assert orphans(server) == []
    assert server.client.get("/api/v1/images").json()["data"] == []
    image = server.upload(picture(2))
    assert (image["width"], image["height"]) == (640, 400)
    assert server.finished(image["job"]["id"])["status"] == "succeeded"
    assert server.client.delete(f"/api/v1/images/{image['id']}").status_code == 204


@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", represented(MAKERS, "avif"))
@pytest.mark.parametrize(
    "left_out",
    [pytest.param(COSTLY, id="most"), pytest.param(set(), marks=pytest.mark.long, id="all")],
)
def test_no_hostile_file_is_expensive(lone: Server, family: str, left_out: set[str]) -> None:
    """No response is 5xx, and no file costs seconds or hundreds of megabytes."""
    for image in lone.client.get("/api/v1/images").json()["data"]:
        lone.client.delete(f"/api/v1/images/{image['id']}")
    first = usage(lone).peak_bytes

    outcomes = {
        name: through_everything(lone, content)
        for name, content in MAKERS[family]()
        if name not in left_out
    }

    assert {name: it for name, it in outcomes.items() if not it.is_fine} == {}
    assert usage(lone).peak_bytes - first < MEMORY_BYTES
    refused = [it.upload.json() for it in outcomes.values() if it.upload.status_code != 201]
    assert all(it["detail"] and it["code"] for it in refused)
    assert_unharmed(lone)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.skipif(not FOUND.is_dir(), reason=f"there are no hostile files at {FOUND}")
def test_files_that_were_expensive_once_are_not(lone: Server, name: str) -> None:
    """The inputs of attacks that once succeeded."""
    outcome = through_everything(lone, (FOUND / name).read_bytes())

    assert outcome.upload.status_code == STATUSES[name], outcome.upload.text
    assert outcome.is_fine, outcome
