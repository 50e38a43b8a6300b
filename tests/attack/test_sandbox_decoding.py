"""A worker with a sandbox gives the same bytes as one without, for every format."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagesvc.errors import ImagesvcError
from imagesvc.imaging.calls import ANALYSE, COPY_WITHOUT, PROBE, RENDER
from imagesvc.imaging.messages import AnalyseRequest, Rendered, RenderRequest, Withheld
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original
from imagesvc.workers.pool import WorkerPool
from imagesvc.workers.process import WORKER_MODULE
from imagesvc.workers.sandbox.policy import Mode
from tests.attack.machine import needs_every_layer
from tests.attack.pools import execute, rogue_pool
from tests.imaging.corpus_runner import MARKS, MAX_ASKED_PIXELS, QUERIES
from tests.imaging.pictures import LIMITS, QUALITY, animation, gradient, oriented, save
from tests.waiting import PATIENCE

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TEST_SHARED", REPOSITORY.parent / "shared"))
CORPUS = SHARED / "corpus"
SUFFIXES = ("jpg", "png", "gif", "webp", "avif", "tif", "heic", "bmp", "jp2", "ico")
OUTPUTS = tuple(f"w=50&wm=text&format={kind}" for kind in ("jpeg", "png", "webp", "avif", "gif"))

pytestmark = [pytest.mark.anyio, needs_every_layer]


async def outcome(pool: WorkerPool, path: Path, queries: Iterable[str]) -> list[Any]:
    """The results for a file in a worker: identified, analysed and rendered."""
    options: dict[str, Any] = {"source": path, "timeout": PATIENCE}
    try:
        found = await pool.run(PROBE, LIMITS, **options)
        original = Original(
            Digest("0" * 64),
            found.format,
            found.width,
            found.height,
            found.frames,
            has_alpha=found.has_alpha,
            decode_bytes=found.decode_bytes,
        )
        is_small = found.width * found.height * found.frames <= MAX_ASKED_PIXELS
        transforms = tuple(
            effective(parse_text(query), original, QUALITY, MARKS)
            for query in ("w=256&h=256", *(queries if is_small else ()))
        )
        analysed = await pool.run(
            ANALYSE, AnalyseRequest(original, transforms[:1], LIMITS), **options
        )
        copied = [
            await pool.run(COPY_WITHOUT, found.format, withheld, **options, max_files=1)
            for withheld in Withheld
        ]
        made = await pool.run(RENDER, RenderRequest(transforms, LIMITS, MARKS), **options)
    except ImagesvcError as error:
        return [repr(error)]
    copies = [one.copy for one in copied if one.copy]
    return [found, analysed.analysis, _digest(analysed.mezzanine), *map(_told, [*made, *copies])]


def _told(item: Rendered | ImagesvcError) -> object:
    if isinstance(item, ImagesvcError):
        return repr(item)
    return dataclasses.replace(item, data=None, seconds={}), _digest(item.data)


def _digest(data: bytes | None) -> str:
    return hashlib.sha256(data or b"").hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Outcomes:
    """The results for files in one worker, and the modules that it loaded for them."""

    found: list[list[Any]]
    loaded: set[str]


async def outcomes(mode: Mode, folder: Path, paths: list[Path], queries: Iterable[str]) -> Outcomes:
    """Without a sandbox or with a complete one."""
    modules = "import sys; result = sorted(sys.modules)"
    async with rogue_pool(folder, mode) as pool:
        before = await execute(pool, modules)
        found = [await outcome(pool, path, queries) for path in paths]
        after = await execute(pool, modules)
    return Outcomes(found, set(after) - set(before))


async def both(
    folder: Path, paths: list[Path], queries: Iterable[str]
) -> tuple[Outcomes, Outcomes]:
    """The results for files without a sandbox and with a complete one."""
    return await asyncio.gather(
        outcomes("off", folder, paths, queries), outcomes("strict", folder, paths, queries)
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One file of each format, and files that use other parts of the libraries."""
    folder = tmp_path_factory.mktemp("pictures")
    picture = gradient(160, 120)
    made = [save(folder / f"a.{suffix}", picture) for suffix in SUFFIXES]
    made += [animation(folder / "moving.gif"), animation(folder / "moving.webp")]
    made += [oriented(folder / "turned.jpg", picture, 6)]
    made += [save(folder / "cmyk.jpg", picture.convert("CMYK"))]
    made += [save(folder / "progressive.jpg", picture, progressive=True)]
    made += [save(folder / "large.jpg", gradient(2400, 1800))]
    made += [save(folder / "palette.png", picture.quantize(16))]
    made += [save(folder / "deep.png", Image.new("I;16", (60, 40), 40_000))]
    return [Path(path) for path in made]


async def test_every_format_is_read_and_written(tmp_path: Path, pictures: list[Path]) -> None:
    """All ten input and five output formats, with a text watermark, have equal bytes.

    A worker imports no module after it was restricted, since it could not.
    """
    free, locked = await both(tmp_path, pictures, (*OUTPUTS, *QUERIES))

    assert locked.found == free.found
    assert {it[0].format for it in locked.found} == set(Format)
    assert all(not isinstance(part, str) or len(part) == 64 for it in locked.found for part in it)
    assert (free.loaded, locked.loaded) == (set(), set())


@pytest.mark.parametrize("name", ["moving.webp", "still.webp"])
@pytest.mark.breadth
async def test_images_that_are_large_when_decoded_are_read(tmp_path: Path, name: str) -> None:
    """By default, libvips writes images of more than 100 MB to a file."""
    path = tmp_path / name
    if path.stem == "moving":
        animation(path, 28, (1000, 1000))
    else:
        save(path, Image.new("RGB", (6200, 5500), "teal"), method=0)

    async with rogue_pool(tmp_path, "strict", WORKER_MODULE) as pool:
        made = await outcome(pool, path, ())

    assert not isinstance(made[0], str), made
    assert all(not isinstance(part, str) or len(part) == 64 for part in made)


@pytest.mark.breadth
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not (CORPUS / "manifest.json").exists(), reason=f"there is no test corpus at {CORPUS}"
)
async def test_the_corpus_has_the_same_outcomes(tmp_path: Path) -> None:
    """Valid and hostile files are accepted or refused alike, with equal bytes and messages."""
    entries = json.loads((CORPUS / "manifest.json").read_text())["files"]
    paths = [CORPUS / entry["name"] for entry in entries if not entry.get("generated")]

    free, locked = await both(tmp_path, paths, QUERIES)

    differing = [path.name for path, *pair in zip(paths, free.found, locked.found, strict=True)
                 if pair[0] != pair[1]]  # fmt: skip
    assert differing == []
