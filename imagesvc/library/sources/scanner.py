"""Scans a source: new files become images, and those that are gone may go to the trash."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from weakref import WeakValueDictionary

import structlog

from imagesvc.cancellation import all_of
from imagesvc.errors import (
    ImagesvcError,
    QuotaExceeded,
    Rejected,
    SourceUnavailable,
    Unavailable,
    text_of,
)
from imagesvc.library.accept import UploadFields
from imagesvc.library.importing.facts import NANOSECONDS, Facts, local_time, tags_from, time_of
from imagesvc.library.importing.intake import ChangedWhileRead, Intake
from imagesvc.library.importing.templates import Spot, Template
from imagesvc.library.sources.looks import Entry, Look, Reader
from imagesvc.library.sources.record import FILES, ScanRecord
from imagesvc.library.sources.vanishing import Vanishing
from imagesvc.model.ids import Digest, utc_now
from imagesvc.model.images import Visibility
from imagesvc.model.sources import KnownEntry, OnVanish, ScanResult, Source
from imagesvc.store.files.incoming import ReceivedFile
from imagesvc.store.sources.sources import SourceStore

log = structlog.get_logger()

AT_ONCE = 2
"""Files of one source that are taken at a time."""
MAX_FAILURES = 10
DEFECT = "The scan failed by a defect of the server; its log has the details."
TRUSTED_SHARE = 0.1
"""Of the files of a source: when more are gone at once, a disk is probably missing."""


@dataclass(slots=True)
class _Scan:
    """One scan while it runs."""

    source: Source
    reader: Reader
    look: Look
    known: dict[str, KnownEntry]
    missing: dict[Digest, KnownEntry]
    """Files that are not where they were, by content: a new one of the same was renamed."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILES, 0))
    failures: list[str] = field(default_factory=list)
    locks: WeakValueDictionary[Digest, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    error: str | None = None

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def fail(self, entry: Entry, reason: str) -> None:
        self.count("failed")
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(f"{entry.path}: {reason}")

    @property
    def is_complete(self) -> bool:
        """Whether the next look may leave out what has not changed since this one."""
        return not (self.error or self.counts["waiting"] or self.counts["failed"])


@dataclass(frozen=True, slots=True)
class Scanner:
    """Scans sources; each file that was taken has a row, so that a restart goes on."""

    store: SourceStore
    intake: Intake
    vanishing: Vanishing
    reader_of: Callable[[Source], Reader]
    default_visibility: Visibility
    clock: Callable[[], datetime] = utc_now
    record: ScanRecord = field(default_factory=ScanRecord)

    async def scan(self, source: Source) -> ScanResult:
        """Scan a source once, and store the result; errors are in it.

        Raises:
            Unavailable: the result cannot be stored.
        """
        began, started_at = time.monotonic(), self.clock()
        state = source.state
        try:
            reader = self.reader_of(source)
            look = await reader.look(source.state)
            if look is None:  # nothing has changed
                seen = 0 if source.result is None else source.result.seen
                result = ScanResult(started_at, 0, seen=seen)
            else:
                scan = await self._scanned(source, reader, look)
                result = ScanResult(
                    started_at,
                    0,
                    seen=len(look.entries),
                    failures=tuple(scan.failures),
                    error=scan.error,
                    **scan.counts,
                )
                state = dict(look.state) if scan.is_complete else source.state
        except (ImagesvcError, OSError) as error:
            result = ScanResult(started_at, 0, error=text_of(error))
        except Exception:  # a scan without an end would begin again at once
            log.exception("source not scanned", action="source.failed", source=str(source.id))
            result = ScanResult(started_at, 0, error=DEFECT)
        seconds = round(time.monotonic() - began, 3)
        result = replace(result, started_at=started_at, seconds=seconds)
        next_at = self.clock() + timedelta(seconds=source.interval_seconds)
        await self.store.finish(source.id, result, state, next_at)
        self.record.add(source.id, result)
        log.info(
            "source scanned", action="source.scanned", source=str(source.id), error=result.error,
            **{name: getattr(result, name) for name in ("seen", *FILES)},
        )  # fmt: skip
        return result

    async def _scanned(self, source: Source, reader: Reader, look: Look) -> _Scan:
        known = await self.store.entries(source.id)
        missing = {
            entry.digest: entry
            for entry in known.values()
            if entry.path not in look.entries and entry.digest is not None
        }
        scan = _Scan(source, reader, look, known, {} if reader.forgets else missing)
        await self._note_returned(scan)
        new = [e for e in look.entries.values() if not _is_same(scan.known.get(e.path), e)]
        if new:
            await reader.settle()
        try:
            await self._take_all(scan, new)
        except (QuotaExceeded, Unavailable) as error:
            scan.error = error.detail
        else:
            if not reader.forgets:
                await self._let_go(scan)
        return scan

    async def _note_returned(self, scan: _Scan) -> None:
        """Mark files that are there again, as they were before they were gone."""
        found = scan.look.entries
        gone = [entry for entry in scan.known.values() if entry.is_gone and entry.path in found]
        same = [entry for entry in gone if _is_same(entry, found[entry.path])]
        returned = await self.vanishing.take_back(scan.source, same)
        rows = {entry.path: replace(entry, is_gone=False) for entry in returned}
        await self.store.keep(scan.source.id, [*rows.values()])
        for entry in same:
            del scan.known[entry.path]  # whose image was deleted is taken again
        scan.known |= rows

    async def _take_all(self, scan: _Scan, entries: Sequence[Entry]) -> None:
        waiting = iter(entries)
        await all_of(*(self._take_in_turn(scan, waiting) for _ in range(AT_ONCE)))

    async def _take_in_turn(self, scan: _Scan, waiting: Iterator[Entry]) -> None:
        for entry in waiting:
            try:
                await self._take(scan, entry)
            except (QuotaExceeded, Unavailable):
                raise
            except (ChangedWhileRead, FileNotFoundError):
                scan.count("waiting")
            except (SourceUnavailable, OSError) as error:  # perhaps not at the next scan
                scan.fail(entry, error.detail if isinstance(error, Rejected) else _reason(error))
            except Rejected as error:
                scan.fail(entry, error.detail)
                row = KnownEntry(entry.path, entry.size, entry.mark)
                await self.store.keep(scan.source.id, [row])

    async def _take(self, scan: _Scan, entry: Entry) -> None:
        async with self.intake.incoming.receive() as file:
            await scan.reader.fill(entry, file)
            received = await file.finish()
            lock = scan.locks.setdefault(received.digest, asyncio.Lock())
            async with lock:  # two files with the same content make one image
                row, gone = await self._image_of(scan, entry, received)
        await self.store.keep(scan.source.id, [row], gone)
        scan.known[entry.path] = row

    async def _image_of(
        self, scan: _Scan, entry: Entry, received: ReceivedFile
    ) -> tuple[KnownEntry, list[str]]:
        """The row of a file whose content has arrived, and the path that it had before."""
        digest, source = received.digest, scan.source
        row = KnownEntry(entry.path, entry.size, entry.mark, digest)
        before = scan.known.get(entry.path)
        moved = scan.missing.pop(digest, None)
        if moved is not None and await self._is_back(scan, moved):
            scan.count("renamed")
            scan.known.pop(moved.path, None)
            return replace(row, image_id=moved.image_id), [moved.path]
        there = await self.intake.existing([digest], source.owner_id)
        if digest in there:
            if before is not None:
                await self._is_back(scan, replace(before, image_id=there[digest][0]))
            scan.count("known")
            return replace(row, image_id=there[digest][0]), []
        fields = await self._fields(scan, entry)
        image = await self.intake.acceptor.accept(received, fields)
        is_change = before is not None and before.digest is not None
        scan.count("changed" if is_change else "added")
        return replace(row, image_id=image.id), []

    async def _is_back(self, scan: _Scan, entry: KnownEntry) -> bool:
        """Whether a file has its image still, which is restored if the file was gone."""
        return not entry.is_gone or bool(await self.vanishing.take_back(scan.source, [entry]))

    async def _fields(self, scan: _Scan, entry: Entry) -> UploadFields:
        source = scan.source
        facts = (await scan.reader.facts(entry)).completed(entry.facts)
        visibility = source.visibility or self.default_visibility
        return UploadFields(
            filename=facts.filename or PurePosixPath(entry.path).name,
            title=facts.title,
            description=facts.description,
            tags=tags_from((*source.tags, *facts.tags)),
            visibility=visibility,
            collection_title=_collection_title(source, entry, facts, self.clock()),
            owner_id=source.owner_id,
            taken_at=facts.taken_at or _modified(entry),
            place=facts.place,
        )

    async def _let_go(self, scan: _Scan) -> None:
        """Mark files that are gone; their images go to the trash if the source says so."""
        there = [entry for entry in scan.known.values() if not entry.is_gone]
        gone = [entry for entry in there if entry.path not in scan.look.entries]
        if not gone:
            return
        scan.error = _why_not(scan, len(gone), len(there))
        if scan.error is not None:
            return
        await self.vanishing.let_go(scan.source, there, gone)
        await self.store.keep(scan.source.id, [replace(entry, is_gone=True) for entry in gone])
        scan.count("vanished", len(gone))


def _is_same(known: KnownEntry | None, entry: Entry) -> bool:
    return known is not None and (known.size, known.mark) == (entry.size, entry.mark)


def _why_not(scan: _Scan, gone: int, there: int) -> str | None:
    """Why files that are gone are left alone; None if they need not be."""
    files = "1 file is" if gone == 1 else f"{gone:,} files are"
    if scan.look.faults:
        return f"{files} gone, but a part of the source cannot be read: {scan.look.faults[0]}"
    if not scan.look.entries:
        return f"The source is empty; {files} gone, and nothing was done about it."
    is_trusted = gone <= there * TRUSTED_SHARE
    if scan.source.on_vanish is OnVanish.TRASH and not is_trusted:
        return f"{files} gone of {there:,}, more than 10 %: nothing was put into the trash."
    return None


def _collection_title(source: Source, entry: Entry, facts: Facts, now: datetime) -> str:
    below = PurePosixPath(entry.path.partition("://")[2] or entry.path).parent
    folder = PurePosixPath("/", source.address.partition("://")[2] or source.address)
    taken_at = facts.taken_at or _modified(entry) or local_time(now.astimezone())
    return Template.parse(source.collection).title(Spot(folder / below, below, taken_at))


def _modified(entry: Entry) -> str | None:
    """The time of modification in a mark; None if the mark is something else."""
    return time_of(entry.mark, NANOSECONDS) if entry.mark.isdecimal() else None


def _reason(error: OSError) -> str:
    return error.strerror or "it cannot be read"
