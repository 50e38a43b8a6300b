"""Verification of a backup: every blob against its digest, every snapshot against its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from imagesvc.errors import NotFound
from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.layout import BLOBS, blob_key, digest_in, snapshot_key
from imagesvc.library.backup.progress import Progress
from imagesvc.library.backup.snapshots import (
    SnapshotDamaged,
    digests_of,
    manifest_of,
    whole_snapshots_in,
)
from imagesvc.model.ids import Digest


@dataclass(slots=True)
class Verified:
    """The results of a verification."""

    blobs: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    """Keys of objects that have changed."""
    missing: list[str] = field(default_factory=list)
    """Keys of blobs that a snapshot needs."""

    @property
    def is_sound(self) -> bool:
        """Whether everything can be restored."""
        return not (self.damaged or self.missing)


async def verify(destination: Destination, progress: Progress) -> Verified:
    """Read everything back, and compare it with its digest.

    Raises:
        Unavailable: the destination does not work now.
    """
    found = Verified()
    sizes: dict[Digest, int] = {}
    async for entries in destination.entries(BLOBS):
        sizes |= {digest: it.bytes for it in entries if (digest := digest_in(it.key)) is not None}
    for number, (digest, size) in enumerate(sizes.items()):
        progress("verifying", number, len(sizes))
        if await digest_at(destination, blob_key(digest)) == digest:
            found.blobs += 1
            found.bytes += size
        else:
            found.damaged.append(blob_key(digest))
    progress("verifying", len(sizes), len(sizes))
    missing: set[Digest] = set()
    for snapshot in await whole_snapshots_in(destination):
        missing |= await _missing_of(destination, snapshot, sizes, found)
    found.missing = sorted(blob_key(digest) for digest in missing)
    return found


async def _missing_of(
    destination: Destination, snapshot: str, sizes: dict[Digest, int], found: Verified
) -> set[Digest]:
    """Compare the files of a snapshot; the blobs that it needs and that are missing."""
    try:
        manifest = await manifest_of(destination, snapshot)
        for name, described in manifest.files.items():
            key = snapshot_key(snapshot, name)
            if await digest_at(destination, key) != described.sha256:
                found.damaged.append(key)
        needed = await digests_of(destination, snapshot)
    except SnapshotDamaged as error:
        found.damaged.append(error.detail)
        return set()
    return needed.keys() - sizes.keys() - set(manifest.missing)


async def digest_at(destination: Destination, key: str) -> str | None:
    """The SHA-256 of an object; None if it is missing or cannot be read."""
    actual = hashlib.sha256()
    try:
        async for piece in destination.stream(key):
            actual.update(piece)
    except (NotFound, OSError):
        return None
    return actual.hexdigest()
