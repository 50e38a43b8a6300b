"""Links that take the place of folders of a source while it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from imagesvc.errors import SourceUnavailable
from imagesvc.library.importing.facts import Facts
from imagesvc.library.sources.folder import FolderReader
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import Incoming
from tests.library.importing.test_sidecars import XMP

pytestmark = pytest.mark.anyio


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two equal trees, one of which is no source: `in/photos/a/1.jpg`, `out/photos/a/1.jpg`."""
    for name in ("in", "out"):
        folder = tmp_path / name / "photos" / "a"
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(name.encode())
    (tmp_path / "out/photos/a/1.jpg.xmp").write_text(XMP.format(more=""))
    (tmp_path / "out/photos/a/2.jpg").write_bytes(b"out")
    return tmp_path


@pytest.mark.parametrize("swapped", ["in/photos/a", "in/photos", "in"])
async def test_nothing_outside_is_read(place: Path, swapped: str) -> None:
    """Neither names, nor a file, nor its sidecar, whichever folder becomes a link."""
    reader = FolderReader(place / "in" / "photos", checkpoint)
    data_dir = DataDir(place / "data")
    data_dir.create()
    incoming = Incoming(data_dir, max_bytes=100, min_free_bytes=0)
    (entry,) = (await reader.look({})).entries.values()

    (place / swapped).rename(place / "before")
    (place / swapped).symlink_to(place / swapped.replace("in", "out", 1))

    assert await reader.facts(entry) == Facts(filename="1.jpg")
    async with incoming.receive() as file:
        with pytest.raises(OSError, match=r"1\.jpg"):
            await reader.fill(entry, file)
    if swapped == "in/photos/a":
        assert (await reader.look({})).entries == {}
    else:
        with pytest.raises(SourceUnavailable):
            await reader.look({})


async def test_sidecars_inside_are_read(place: Path) -> None:
    """Beside the file, in a folder of the source."""
    reader = FolderReader(place / "out" / "photos", checkpoint)
    entries = (await reader.look({})).entries

    assert entries.keys() == {"a/1.jpg", "a/2.jpg"}
    assert (await reader.facts(entries["a/1.jpg"])).description == "At the beach"
