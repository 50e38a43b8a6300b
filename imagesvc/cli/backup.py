"""The commands `backup` and `restore`."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_store
from imagesvc.cli.options import DataDirOption
from imagesvc.cli.progress import Bar, progress_bar
from imagesvc.errors import text_of
from imagesvc.library.backup.backup import BackupReport, back_up, note_backup
from imagesvc.library.backup.destination import Destination, DestinationFull
from imagesvc.library.backup.layout import time_of
from imagesvc.library.backup.places import check_apart, check_other_bucket, has_filled, place_of
from imagesvc.library.backup.restore import RestoreReport
from imagesvc.library.backup.restore import restore as restore_into
from imagesvc.library.backup.room import make_room
from imagesvc.library.backup.shared import shared_source
from imagesvc.library.backup.snapshots import Removed, remove_old
from imagesvc.library.backup.source import Source, data_dir_source
from imagesvc.library.backup.verification import Verified
from imagesvc.library.backup.verification import verify as verify_all
from imagesvc.logs import configure_logs
from imagesvc.model.clock import is_of_future
from imagesvc.model.ids import utc_now
from imagesvc.service.parts import Parts
from imagesvc.service.shared_secret import shared_secret_of
from imagesvc.settings.quantities import option_seconds
from imagesvc.store.files.data_dir import DataDir

SHOWN = 20
"""Faults that are named; the others are counted."""

Place = Annotated[
    str, typer.Argument(metavar="DEST", help="A folder, or s3://bucket/prefix?endpoint=…&region=…")
]


def backup(
    dest: Place,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Remove snapshots that are older, such as 7d: after the backup, or before if DEST "
            "is full."
        ),
    ] = None,
    verify: Annotated[bool, typer.Option(help="Then read the whole backup back.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Copy all images and rows, while servers run or not; only new originals are copied.

    Exit status: 0 for a whole backup, 1 if originals were missing or damaged or the verification
    found faults, 2 when no snapshot was made.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    seconds_kept = option_seconds("--keep", keep) if keep is not None else None
    place = DataDir(settings.data_dir.absolute())
    if settings.is_embedded:
        place.require()
    destination = place_of(dest)
    check_apart(destination, place)
    kept = None if seconds_kept is None else timedelta(seconds=seconds_kept)
    work = _Work(place, destination, kept, verify)
    if settings.is_embedded:
        report, removed, found = asyncio.run(work.run(data_dir_source(place)))
    else:
        report, removed, found = on_store(settings, lambda parts: work.run(_shared(parts, work)))
    _print_backup(destination, report, removed)
    if has_filled(destination, place, settings.min_free_space):
        _say(
            f"{destination} is on the disk of the data directory, which has "
            f"{place.free_bytes():,} bytes free, less than min_free_space "
            f"({settings.min_free_space:,}): uploads are refused. Back up to another disk: a "
            "backup on the same one is lost with it."
        )
    if found is not None:
        _print_verified(found)
    if report.faults or not (found is None or found.is_sound):
        raise typer.Exit(1)


def _shared(parts: Parts, work: _Work) -> AbstractAsyncContextManager[Source]:
    from imagesvc.store.db.postgres.database import PostgresDatabase  # noqa: PLC0415  # of the extra

    files, database = parts.files, parts.stores.database
    key = shared_secret_of(parts.settings)
    assert isinstance(database, PostgresDatabase)  # noqa: S101  # for the type checker
    assert key is not None  # noqa: S101  # the same
    check_other_bucket(work.destination, files.blobs)
    return shared_source(database, files.data_dir, files.blobs, files.locks, key)


@dataclass(frozen=True, slots=True)
class _Work:
    """One run of the command."""

    data_dir: DataDir
    destination: Destination
    keep: timedelta | None
    is_verified: bool

    async def run(
        self, opening: AbstractAsyncContextManager[Source]
    ) -> tuple[BackupReport, Removed, Verified | None]:
        destination, removed, found = self.destination, Removed(), None
        await destination.prepare()
        with progress_bar() as bar:
            async with destination.lock(), opening as source:
                began = utc_now()
                report = await self._made(source, began, bar)
                if not report.faults:
                    _note(self.data_dir, began)
                    if self.keep is not None:
                        removed = await remove_old(destination, self.keep, began)
                if self.is_verified:
                    found = await verify_all(destination, bar)
        return report, removed, found

    async def _made(self, source: Source, began: datetime, bar: Bar) -> BackupReport:
        """A backup; if the destination is full, what `keep` permits is removed before."""
        try:
            return await back_up(source, self.destination, bar)
        except DestinationFull:
            removed = Removed()
            if self.keep is not None:
                removed = await make_room(source, self.destination, self.keep, began)
            if not (removed.snapshots or removed.blobs):
                raise
            _say(f"{self.destination} is full.")
            _print_removed(removed)
            return await back_up(source, self.destination, bar)


def _note(source: DataDir, began: datetime) -> None:
    if (error := note_backup(source, began)) is not None:
        _say(
            f"The time of this backup cannot be written to {source.last_backup}: {text_of(error)}. "
            "Metrics and imagesvc doctor know that of an earlier one."
        )


def restore(
    dest: Place,
    directory: Annotated[
        Path, typer.Argument(metavar="DATA_DIR", help="Empty, or missing.", readable=False)
    ],
    snapshot: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not the newest, but this one.")
    ] = None,
) -> None:
    """Make a data directory from a backup; run it again after an interruption.

    Exit status: 0 when everything was restored, 1 when originals are missing or damaged in the
    backup, 2 when nothing was restored.
    """
    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    source, target = place_of(dest), DataDir(directory.absolute())
    with progress_bar() as bar:
        report = asyncio.run(restore_into(source, target, snapshot, bar))
    _print_restored(target, report)
    if report.faults:
        raise typer.Exit(1)


def _print_backup(destination: Destination, report: BackupReport, removed: Removed) -> None:
    for digest, reason in [*report.faults.items()][:SHOWN]:
        _say(f"{reason}: {digest}")
    if report.faults:
        _say(
            f"{len(report.faults)} blobs could not be copied, so no old snapshot was removed. "
            "imagesvc check names their images."
        )
    _say(
        f"Snapshot {report.snapshot} in {destination}: {report.blobs:,} blobs "
        f"({report.bytes:,} bytes), {report.copied:,} of them new ({report.copied_bytes:,} bytes)."
    )
    if report.later:
        _say(
            f"The snapshot {report.later} is said to be later: the clock was wrong then, or is "
            "now. imagesvc restore takes the latest: name this one by --snapshot, or remove that "
            "folder of snapshots if its clock was wrong."
        )
    if removed.snapshots or removed.blobs:
        _print_removed(removed)


def _print_removed(removed: Removed) -> None:
    _say(
        f"Removed {removed.snapshots:,} old snapshots and {removed.blobs:,} blobs "
        f"({removed.blob_bytes:,} bytes)."
    )


def _print_verified(found: Verified) -> None:
    for title, keys in (("damaged", found.damaged), ("missing", found.missing)):
        for key in keys[:SHOWN]:
            _say(f"{title}: {key}")
    if found.is_sound:
        _say(f"Verified: {found.blobs:,} blobs ({found.bytes:,} bytes).")
    else:
        _say(
            f"{len(found.damaged):,} damaged and {len(found.missing):,} missing. Remove what is "
            "damaged and back up again: the next backup copies what is missing."
        )


def _print_restored(target: DataDir, report: RestoreReport) -> None:
    for digest, reason in [*report.faults.items()][:SHOWN]:
        _say(f"{reason}: {digest}")
    if report.faults:
        _say(f"{len(report.faults):,} blobs are missing or damaged in the backup.")
    _say(
        f"Restored the snapshot {report.snapshot} to {target.root}: {report.blobs:,} blobs "
        f"({report.bytes:,} bytes)."
    )
    made = time_of(report.snapshot)
    if made is not None and is_of_future(made, utc_now()):
        _say(
            "This snapshot is of the future: the clock was wrong when it was made, or is now. "
            "Another one may be newer: look into the folder of snapshots, and name it by "
            "--snapshot."
        )
    if target.root.stat().st_uid == 0:
        _say(
            "The files belong to root. If the server runs as another user, give them to it: "
            f"chown -R USER {target.root}"
        )
    _say(
        "A backup has no settings: put back imagesvc.toml, .env, the environment and the file of "
        "admin_key_file. Then run imagesvc check and imagesvc serve."
    )
    _say(
        "Webhooks are held, so that two servers do not send the same. When the old server does not "
        f"run any more, remove {target.webhooks_held}."
    )


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
