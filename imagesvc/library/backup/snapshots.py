"""The snapshots of a backup: which are whole, what they need, and the removal of old ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from imagesvc.errors import NotFound, Unavailable
from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.layout import (
    BLOBS,
    DIGESTS,
    FORMAT,
    MANIFEST,
    SNAPSHOTS,
    Manifest,
    digest_in,
    read_digests,
    snapshot_key,
    time_of,
)
from imagesvc.model.ids import Digest


class SnapshotDamaged(Unavailable):
    """A file of a snapshot is missing or has changed."""


@dataclass(slots=True)
class Removed:
    """What the removal of old snapshots removed."""

    snapshots: int = 0
    blobs: int = 0
    blob_bytes: int = 0


async def snapshots_in(destination: Destination) -> dict[str, list[str]]:
    """The names of all snapshots, also of unfinished ones, and the keys of their files."""
    found: dict[str, list[str]] = {}
    async for entries in destination.entries(SNAPSHOTS):
        for entry in entries:
            name = entry.key.removeprefix(f"{SNAPSHOTS}/").partition("/")[0]
            if time_of(name) is not None:
                found.setdefault(name, []).append(entry.key)
    return dict(sorted(found.items()))


async def whole_snapshots_in(destination: Destination) -> list[str]:
    """The names of the snapshots that have a manifest, the oldest first."""
    return whole_of(await snapshots_in(destination))


def whole_of(snapshots: Mapping[str, list[str]]) -> list[str]:
    """Those of some snapshots that have a manifest."""
    return [name for name, keys in snapshots.items() if snapshot_key(name, MANIFEST) in keys]


async def manifest_of(destination: Destination, snapshot: str) -> Manifest:
    """The description of a snapshot.

    Raises:
        SnapshotDamaged: it cannot be read.
        Unavailable: a newer version of imagesvc made it.
    """
    content = await destination.read(snapshot_key(snapshot, MANIFEST))
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise SnapshotDamaged(f"The manifest of the snapshot {snapshot} is damaged.") from error
    if manifest.format > FORMAT:
        raise Unavailable(
            f"The snapshot {snapshot} was made by a newer version of imagesvc "
            f"({manifest.imagesvc}). Use that version."
        )
    return manifest


async def small_file_of(
    destination: Destination, snapshot: str, manifest: Manifest, name: str
) -> bytes:
    """A file of a snapshot, compared with its manifest.

    Raises:
        SnapshotDamaged: it is missing or has changed.
    """
    try:
        content = await destination.read(snapshot_key(snapshot, name))
    except NotFound:
        content = None
    if content is None or hashlib.sha256(content).hexdigest() != manifest.files[name].sha256:
        raise SnapshotDamaged(f"The file {name} of the snapshot {snapshot} is damaged.")
    return content


async def digests_of(destination: Destination, snapshot: str) -> dict[Digest, int]:
    """The blobs that a snapshot needs, with their sizes.

    Raises:
        SnapshotDamaged: this cannot be read.
    """
    manifest = await manifest_of(destination, snapshot)
    try:
        return read_digests(await small_file_of(destination, snapshot, manifest, DIGESTS))
    except ValueError as error:
        raise SnapshotDamaged(
            f"The file {DIGESTS} of the snapshot {snapshot} is damaged: {error}."
        ) from error


async def remove_old(
    destination: Destination,
    keep: timedelta,
    now: datetime,
    spared: AbstractSet[Digest] = frozenset(),
) -> Removed:
    """Remove snapshots that are older than `keep`, and blobs that no snapshot needs any more.

    `spared` names blobs that stay nevertheless.

    The newest whole snapshot stays however old it is. Unfinished snapshots are removed: the lock of
    the destination is held, so no backup is making one.

    Raises:
        SnapshotDamaged: it is unknown what a snapshot needs, so no blob was removed.
    """
    removed = Removed()
    everything, whole = await snapshots_in(destination), await whole_snapshots_in(destination)
    kept = [name for name in whole if (time_of(name) or now) >= now - keep] or whole[-1:]
    for name, keys in everything.items():
        if name not in kept:
            manifest = snapshot_key(name, MANIFEST)
            await destination.delete([manifest])  # first, so that what is left is not whole
            await destination.delete([key for key in keys if key != manifest])
            removed.snapshots += 1
    needed = {digest for name in kept for digest in await digests_of(destination, name)} | spared
    async for entries in destination.entries(BLOBS):
        old = [entry for entry in entries if digest_in(entry.key) not in needed]
        await destination.delete([entry.key for entry in old])
        removed.blobs += len(old)
        removed.blob_bytes += sum(entry.bytes for entry in old)
    return removed
