"""Imports files: what is there already is found by digest, and the rest is sent a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagesvc.cli.importing.items import Description, check_image
from imagesvc.cli.importing.progress import Progress
from imagesvc.cli.importing.targets import Halt, Target
from imagesvc.cli.uploads.files import FoundFile
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.model.ids import Digest
from imagesvc.store.sources.known_files import KnownFiles

ASKED_AT_ONCE = 1_000
"""Digests in one question to the target."""
READ_AT_ONCE = 32
"""Files that are read before the target is asked, so that the first ones are sent early."""
AT_ONCE = 4
"""Files that are sent at a time."""


@dataclass(slots=True)
class Counts:
    """The results of all files."""

    imported: int = 0
    there: int = 0
    trashed: int = 0
    repeated: int = 0
    failed: int = 0
    halted_by: str = ""
    """The error after which nothing more was sent."""

    @property
    def settled(self) -> int:
        """The number of files with a result."""
        return self.imported + self.there + self.trashed + self.repeated + self.failed


@dataclass(slots=True)
class _Same:
    """Files with the same content; the first one is sent."""

    digest: Digest
    files: list[FoundFile]


@dataclass(slots=True)
class Importer:
    """Imports files into a target; each result is counted and shown as it comes."""

    target: Target
    known: KnownFiles
    describe: Description
    progress: Progress
    is_dry_run: bool
    counts: Counts = field(default_factory=Counts)
    _imported: set[Digest] = field(default_factory=set)
    """By this run: later files with the same content are repetitions, not there already."""

    async def run(self, files: list[FoundFile]) -> None:
        """Import files; a failed file is reported, and the others are still imported.

        After an error that would affect all others, the rest is not sent.

        Raises:
            Halt: it is the first question to the target that has this error.
        """
        async for batch in self._batches(files):
            try:
                there = await self.target.existing([same.digest for same in batch])
            except Halt as error:
                if not self.counts.settled:
                    raise
                self.counts.halted_by = error.detail
            else:
                missing = [same for same in batch if not self._is_there(same, there)]
                await self._send_all(missing)
            if self.counts.halted_by:
                return

    async def _batches(self, files: list[FoundFile]) -> AsyncIterator[list[_Same]]:
        batch: dict[Digest, _Same] = {}
        read = 0
        for file in files:
            digest, is_read = await self._digest_of(file)
            if digest is not None:
                batch.setdefault(digest, _Same(digest, [])).files.append(file)
            read += is_read
            if len(batch) == ASKED_AT_ONCE or read == READ_AT_ONCE:
                yield list(batch.values())
                batch, read = {}, 0
        if batch:
            yield list(batch.values())

    async def _digest_of(self, file: FoundFile) -> tuple[Digest | None, bool]:
        """The digest of a file, None if it cannot be read; and whether it was read."""
        if file.bytes is None:
            self._fail(file, "is not a regular file")
            return None, False
        known = self.known.digest_of(file.path, file.bytes, file.modified_ns)
        if known is not None:
            return known, False
        try:
            digest = await asyncio.to_thread(_digest, file)
        except OSError as error:
            self._fail(file, error.strerror or str(error))
            return None, True
        if digest is None:
            self._fail(file, "the file changes; import it again when it is whole")
        else:
            self.known.keep(file.path, file.bytes, file.modified_ns, digest)
        return digest, True

    def _is_there(self, same: _Same, there: Mapping[Digest, bool]) -> bool:
        if same.digest in self._imported:
            self._repeat(same.files)
            return True
        if same.digest not in there:
            return False
        is_trashed = there[same.digest]
        for file in same.files:
            self.counts.trashed += is_trashed
            self.counts.there += not is_trashed
            self.progress.done(file, "trashed" if is_trashed else "there")
        return True

    async def _send_all(self, missing: list[_Same]) -> None:
        waiting = iter(missing)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._send_in_turn(waiting))

    async def _send_in_turn(self, waiting: Iterator[_Same]) -> None:
        for same in waiting:
            if self.counts.halted_by:
                return
            await self._send(same)

    async def _send(self, same: _Same) -> None:
        first, *others = same.files
        try:
            item = await asyncio.to_thread(self.describe.item, first, same.digest)
            if self.is_dry_run:
                await asyncio.to_thread(check_image, first.path)
            is_new = self.is_dry_run or await self.target.put(item)
        except Halt as error:
            self.counts.halted_by = self.counts.halted_by or error.detail
            return
        except (ImagesvcError, OSError) as error:
            for file in same.files:
                self._fail(file, _reason(error))
            return
        self.counts.imported += is_new
        self.counts.there += not is_new
        self.progress.done(first, "imported" if is_new else "there", item.collection)
        if is_new:
            self._imported.add(same.digest)
        self._repeat(others)

    def _repeat(self, files: list[FoundFile]) -> None:
        for file in files:
            self.counts.repeated += 1
            self.progress.done(file, "repeated")

    def _fail(self, file: FoundFile, reason: str) -> None:
        self.counts.failed += 1
        self.progress.tell(f"{file.path}: {reason}")
        self.progress.done(file, "failed", error=reason)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return text_of(error)


def _digest(file: FoundFile) -> Digest | None:
    """The digest of a file; None if it changed since it was listed, or while it was read."""
    with file.path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        status = Path(file.path).stat()
    is_same = (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns)
    return Digest(digest) if is_same else None
