"""Scans of folders: what is new, half-written, changed, renamed or gone; lost disks; clocks."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.requests import Request

from imagesvc.api.sources import SourceEndpoints
from imagesvc.auth.principals import STRANGER
from imagesvc.errors import Conflict
from imagesvc.http.calls import Call
from imagesvc.library.importing.facts import Facts
from imagesvc.library.sources.folder import FolderReader
from imagesvc.library.sources.looks import Entry, Look, Reader
from imagesvc.library.sources.scanner import Scanner
from imagesvc.library.sources.vanishing import Vanishing
from imagesvc.library.sources.watcher import Watcher, is_due
from imagesvc.model.ids import Digest, SourceId, new_id
from imagesvc.model.images import Image, Viewer, Visibility
from imagesvc.model.sources import KnownEntry, OnVanish, ScanResult, Source, SourceKind
from imagesvc.service.service import Service
from imagesvc.store.db.database import Database
from imagesvc.store.db.leadership import Leadership
from imagesvc.store.files.incoming import IncomingFile
from imagesvc.store.search.listing import ImageFilter
from imagesvc.store.sources.sources import SourceStore
from tests.http.asking import TEXT, picture
from tests.jobs.service import running_service
from tests.library.importing.test_sidecars import XMP
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 3, tzinfo=UTC)
COUNTS = ("seen", "added", "known", "changed", "renamed", "vanished", "waiting", "failed")
MANY = 20_000


def save(path: Path, seed: int) -> Path:
    """A picture of few pixels; each seed makes other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(seed, (1 + seed // 256, 1 + seed % 256), "PNG"))
    return path


def source_of(address: Path, **options: Any) -> Source:
    """A folder as a source."""
    values: dict[str, Any] = {
        "id": SourceId(new_id()), "owner_id": None, "kind": SourceKind.FOLDER,
        "address": str(address), "interval_seconds": 900, "collection": "", "tags": (),
        "visibility": None, "on_vanish": OnVanish.TRASH, "is_enabled": True, "created_at": NOW,
        "updated_at": NOW, "next_scan_at": NOW,
    }  # fmt: skip
    return Source(**values | options)


@dataclass(slots=True)
class Watched:
    """A folder that is a source of a service."""

    service: Service
    root: Path
    source: Source
    clock: datetime = NOW
    meanwhile: Callable[[], object] = lambda: None
    """What happens between the two looks."""
    faults: list[str] = field(default_factory=list)

    def scanner(self) -> Scanner:
        """One that remembers nothing but rows."""
        stores = self.service.stores
        return Scanner(
            stores.sources, self.service.intake, Vanishing(stores.images, self.service.trash),
            lambda _source: self._reader(), Visibility.PRIVATE, lambda: self.clock,
        )  # fmt: skip

    async def scan(self) -> ScanResult:
        """Scan it once."""
        return await self.scanner().scan(await self.service.stores.sources.get(self.source.id))

    def _reader(self) -> Reader:
        async def pause() -> None:
            await asyncio.to_thread(self.meanwhile)

        faults = self.faults

        class Reading(FolderReader):
            """A folder of which parts cannot be read; root may read all."""

            async def look(self, state: Mapping[str, Any]) -> Look:
                return replace(await super().look(state), faults=faults)

        return Reading(self.root, pause)

    async def images(self) -> dict[str, Image]:
        """Those that are not in the trash, by their names."""
        found, _ = await self.service.stores.bulk_edits.found(
            ImageFilter(Viewer(None, sees_all=True)), limit=1_000, after=None
        )
        return {image.filename: image for image in (await self._several(list(found))).values()}

    async def _several(self, ids: list[Any]) -> dict[Any, Image]:
        return await self.service.stores.images.several(ids)


@contextlib.asynccontextmanager
async def watched(place: Path, **options: Any) -> AsyncIterator[Watched]:
    """A service, and an empty folder that only the test scans."""
    root = place / "photos"
    root.mkdir()
    async with running_service(place / "data", eager_presets=()) as service:
        await service.sources.watcher.stop()
        source = source_of(root, **options)
        await service.stores.sources.add(source)
        yield Watched(service, root, source)


def counts(result: ScanResult) -> dict[str, int]:
    """The counts that are not zero."""
    assert result.error is None
    return {name: number for name in COUNTS if (number := getattr(result, name))}


async def test_what_happens_in_a_folder(tmp_path: Path) -> None:
    """Each step is one scan, and a scan without changes changes nothing."""
    outside = save(tmp_path / "outside" / "secret.png", 1)
    async with watched(tmp_path, collection="{folder}", tags=("watched",)) as folder:
        root = folder.root
        assert counts(await folder.scan()) == {}

        save(root / "a" / "b" / "c" / "deep.png", 2)  # a nested folder, made in one go
        (root / "a" / "b" / "c" / "deep.png.xmp").write_text(XMP.format(more=""))
        save(root / os.fsdecode(b"caf\xe9\x1a.png"), 3)
        save(root / ".hidden.png", 4)
        (root / "bad.png").write_bytes(TEXT)
        (root / "link.png").symlink_to(outside)
        (root / "folder").symlink_to(outside.parent)
        os.mkfifo(root / "pipe.png")
        first = await folder.scan()
        assert counts(first) == {"seen": 3, "added": 2, "failed": 1}
        assert first.failures[0].startswith("bad.png: ")
        assert counts(await folder.scan()) == {"seen": 3}

        (root / "a").rename(root / "z")
        save(root / "copy.png", 2)
        assert counts(await folder.scan()) == {"seen": 4, "renamed": 1, "known": 1}

        save(root / "copy.png", 5)
        assert counts(await folder.scan()) == {"seen": 4, "changed": 1}
        save(root / "bad.png", 6)
        assert counts(await folder.scan()) == {"seen": 4, "added": 1}

        images = await folder.images()
        assert images.keys() == {"deep.png", "caf?.png", "copy.png", "bad.png"}
        deep = images["deep.png"]
        assert (deep.title, deep.visibility) == ("Bondi", Visibility.PRIVATE)
        assert set(deep.tags) == {"watched", "sea  sand", "surf"}
        assert deep.gps["latitude"] == -33.865
        assert deep.collection_id is not None
        place = await folder.service.stores.collections.get(deep.collection_id)
        assert (place.title, place.image_count) == ("c", 1)


async def test_a_file_is_taken_once_it_holds_still(tmp_path: Path) -> None:
    """Also if it changes while it is read, and whatever the times of files and clocks are."""
    async with watched(tmp_path) as folder:
        whole = picture(7, (3, 3), "PNG")
        half, steady = folder.root / "half.png", save(folder.root / "steady.png", 8)
        half.write_bytes(whole[:30])
        os.utime(steady, (0, 4_000_000_000))  # in the future
        gone = save(folder.root / "gone.png", 9)

        def write_on() -> None:
            half.write_bytes(whole[:60])
            os.utime(half, (0, 1_000_000_000))  # long ago
            gone.unlink()

        folder.meanwhile = write_on
        assert counts(await folder.scan()) == {"seen": 3, "added": 1, "waiting": 2}

        half.write_bytes(whole)
        folder.meanwhile = lambda: None
        folder.clock = datetime(1970, 1, 1, tzinfo=UTC)
        assert counts(await folder.scan()) == {"seen": 2, "added": 1}
        assert (await folder.images()).keys() == {"half.png", "steady.png"}


async def test_a_lost_disk_removes_nothing(tmp_path: Path) -> None:
    """One file of many that is gone goes to the trash; a restored disk makes nothing twice."""
    async with watched(tmp_path) as folder:
        for seed in range(20):
            save(folder.root / str(seed % 2) / f"{seed}.png", 20 + seed)
        assert counts(await folder.scan()) == {"seen": 20, "added": 20}
        away = folder.root.with_name("away")

        folder.root.rename(away)
        assert "mounted" in str((await folder.scan()).error)
        folder.root.mkdir()
        assert "is empty" in str((await folder.scan()).error)
        folder.root.rmdir()
        away.rename(folder.root)
        (folder.root / "1").rename(away)
        assert "10 files are gone of 20" in str((await folder.scan()).error)
        away.rename(folder.root / "1")
        (folder.root / "0" / "0.png").unlink()
        folder.faults = ["/photos/1: Input/output error"]
        assert "Input/output error" in str((await folder.scan()).error)
        assert len(await folder.images()) == 20

        folder.faults = []
        assert counts(await folder.scan()) == {"seen": 19, "vanished": 1}
        assert counts(await folder.scan()) == {"seen": 19}
        assert (await folder.images()).keys() == {f"{seed}.png" for seed in range(1, 20)}
        save(folder.root / "0" / "0.png", 20)
        assert counts(await folder.scan()) == {"seen": 20, "known": 1}
        assert len(await folder.images()) == 20


async def test_a_file_that_is_there_again_has_its_image_again(tmp_path: Path) -> None:
    """Under its name or another one; it is taken again if the image was deleted for good."""
    async with watched(tmp_path) as folder:
        for seed in range(40):
            save(folder.root / f"{seed}.png", 60 + seed)
        assert counts(await folder.scan()) == {"seen": 40, "added": 40}
        before = await folder.images()
        away = tmp_path / "away"
        away.mkdir()
        for name in ("0.png", "1.png", "2.png"):
            (folder.root / name).rename(away / name)
        assert counts(await folder.scan()) == {"seen": 37, "vanished": 3}
        await folder.service.removal.remove(before["2.png"].id)

        (away / "0.png").rename(folder.root / "0.png")
        (away / "1.png").rename(folder.root / "other.png")
        (away / "2.png").rename(folder.root / "2.png")

        assert counts(await folder.scan()) == {"seen": 40, "added": 1, "renamed": 1}
        after = await folder.images()
        assert len(after) == 40
        assert (after["0.png"].id, after["1.png"].id) == (before["0.png"].id, before["1.png"].id)
        assert after["2.png"].id != before["2.png"].id
        assert counts(await folder.scan()) == {"seen": 40}


async def test_files_with_the_same_content_make_one_image(tmp_path: Path) -> None:
    """Also if they are taken at the same time."""
    async with watched(tmp_path) as folder:
        for number in range(8):
            save(folder.root / f"{number}.png", 50)

        assert counts(await folder.scan()) == {"seen": 8, "added": 1, "known": 7}


class Many:
    """A source of 100,000 files, one of which is new."""

    forgets = False

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    async def look(self, _state: Mapping[str, Any]) -> Look:
        """All of them."""
        return Look(self.entries)

    async def settle(self) -> None:
        """Nothing is being written."""

    async def facts(self, _entry: Entry) -> Facts:
        """None."""
        return Facts()

    async def fill(self, _entry: Entry, file: IncomingFile) -> None:
        """Always the same picture."""
        await file.write(picture(90, (2, 2), "PNG"))


class Broken(Many):
    """A source whose reader has a defect."""

    async def look(self, _state: Mapping[str, Any]) -> Look:
        """An error that nobody expects."""
        raise AssertionError("expected name token")


async def test_a_defect_ends_one_scan_and_not_its_interval(tmp_path: Path) -> None:
    """The result has an error, and the next scan is as far away as after any other."""
    async with watched(tmp_path) as folder:
        stores = folder.service.stores
        scanner = Scanner(
            stores.sources, folder.service.intake,
            Vanishing(stores.images, folder.service.trash),
            lambda _source: Broken({}), Visibility.PRIVATE, lambda: NOW,
        )  # fmt: skip

        with structlog.testing.capture_logs() as lines:
            await scanner.scan(folder.source)
        stored = await stores.sources.get(folder.source.id)

    assert stored.result is not None
    assert "defect" in str(stored.result.error)
    assert stored.next_scan_at == NOW + timedelta(seconds=900)
    assert [line["exc_info"] for line in lines if line["log_level"] == "error"] == [True]


class Counting(SourceStore):
    """Counts the units of work, and the rows that are written."""

    reads = 0
    written = 0

    async def entries(self, source_id: SourceId) -> dict[str, KnownEntry]:
        """A read."""
        self.reads += 1
        return await super().entries(source_id)

    async def keep(
        self, source_id: SourceId, entries: Sequence[KnownEntry], gone: Sequence[str] = ()
    ) -> None:
        """Writes."""
        self.written += len(entries)
        await super().keep(source_id, entries, gone)


async def test_a_scan_of_many_files_reads_and_writes_little(tmp_path: Path) -> None:
    """Rows are read by one statement; only those of files that changed are written."""
    entries = {f"{n:06}.png": Entry(f"{n:06}.png", 1, "1") for n in range(MANY)}
    async with watched(tmp_path) as folder:
        stores = folder.service.stores
        counting = Counting(stores.database)
        rows = [KnownEntry(e.path, 1, "1", Digest("0" * 64)) for e in entries.values()]
        await stores.sources.keep(folder.source.id, rows[1:])
        scanner = Scanner(
            counting, folder.service.intake, Vanishing(stores.images, folder.service.trash),
            lambda _source: Many(entries), Visibility.PUBLIC,
        )  # fmt: skip

        result = await scanner.scan(folder.source)

        assert counts(result) == {"seen": MANY, "added": 1}
        assert (counting.reads, counting.written) == (1, 1)


@pytest.mark.parametrize(
    ("hours", "due"), [(-1, True), (0, True), (0.1, False), (1, True), (9_000, True)]
)
async def test_a_clock_that_jumps_delays_no_scan(hours: float, due: bool) -> None:
    """A scan that is further away than the interval was planned with another time."""
    source = source_of(Path("/photos"), next_scan_at=NOW + timedelta(hours=hours))

    assert is_due(source, NOW) is due


class Looked(SourceStore):
    """Has no sources, and an event: when the test continues, the watcher waits."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.looked = asyncio.Event()

    async def enabled(self) -> list[Source]:
        """No source, without a pause."""
        self.looked.set()
        return []


async def test_a_watcher_that_is_woken_while_it_ends_ends(tmp_path: Path) -> None:
    """A cancellation is not lost when the wait has just ended, as by `asyncio.wait_for` in 3.11."""
    async with watched(tmp_path) as folder:
        store = Looked(folder.service.stores.database)
        watcher = Watcher(store, folder.scanner(), lambda _source: folder.root, Leadership())
        watcher.start()
        await store.looked.wait()
        watcher.notify()
        await asyncio.sleep(0)

        async with asyncio.timeout(PATIENCE):
            await watcher.stop()


async def test_a_scan_that_ends_before_it_began_can_be_repeated(tmp_path: Path) -> None:
    """A source may be deleted at the very moment at which its scan is due."""
    async with watched(tmp_path) as folder:
        watcher, source = folder.service.sources.watcher, source_of(folder.root)
        await watcher.stop()
        await folder.service.stores.sources.add(source)

        watcher.start()
        async with asyncio.timeout(PATIENCE):
            while source.id not in watcher.running:  # noqa: ASYNC110  # there is no event
                await asyncio.sleep(0)  # the scan begins one step later
        await watcher.forget(source.id)

        assert source.id not in watcher.running


async def test_a_scan_on_request_reverts_no_edit(tmp_path: Path) -> None:
    """The source may be edited between the two steps of the request."""
    later = NOW + timedelta(hours=1)
    async with watched(tmp_path) as folder:
        store, parts = folder.service.stores.sources, folder.service.sources
        endpoints = SourceEndpoints(
            store, folder.service.accounts.users, parts.readers, parts.watcher
        )
        asked: Call[None, None] = Call(
            Request({"type": "http"}), STRANGER, None, None, subject=folder.source
        )

        await store.edit(folder.source.id, lambda known: replace(known, updated_at=later))
        await endpoints.scan(asked)
        assert (await store.get(folder.source.id)).updated_at == later

        await store.edit(folder.source.id, lambda known: replace(known, is_enabled=False))
        with pytest.raises(Conflict, match="disabled"):
            await endpoints.scan(asked)
