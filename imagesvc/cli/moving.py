"""The move of a data directory to PostgreSQL and a bucket, for `imagesvc migrate --from`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import typer

from imagesvc.cancellation import unless
from imagesvc.cli.progress import progress_bar
from imagesvc.service.shared_secret import shared_secret_of
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.db.sqlite.soundness import read_only_engine
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.secret import load_secret
from imagesvc.store.objects.moving import BlobMove
from imagesvc.store.objects.opening import PATIENT, open_blob_bucket

if TYPE_CHECKING:
    from imagesvc.store.db.postgres.database import PostgresDatabase
    from imagesvc.store.db.postgres.move import Moved


def move(
    settings: Settings, source: DataDir, target: PostgresDatabase, *, without_damaged: bool
) -> None:
    """Move the originals if there is a bucket, then the rows; print what was moved.

    Raises:
        SettingsError: with these settings, something would be lost.
        Unavailable: something cannot be used now; run it again.
        Exit: originals are missing or damaged.
    """
    _check(settings, source)
    from imagesvc.store.db.postgres.move import check_move, move_rows, no_server_on  # noqa: PLC0415  # of the extra

    rows = read_only_engine(source.database)
    with contextlib.ExitStack() as stack:
        stack.callback(rows.dispose)
        lock = stack.enter_context(no_server_on(target))
        check_move(rows, source, target)
        blobs = None
        if settings.blob_url is not None:
            bar = stack.enter_context(progress_bar())
            bucket = open_blob_bucket(settings.blob_url, PATIENT)
            blobs = BlobMove(rows, FileBlobStore(source.blobs), bucket, bar)
            stack.callback(blobs.close)
            asyncio.run(unless(lock.lost(), _copied(blobs)))
            _require_whole(blobs, without_damaged=without_damaged)

        def complete() -> None:
            if blobs is not None:
                asyncio.run(unless(lock.lost(), blobs.complete()))
                _require_whole(blobs, without_damaged=without_damaged)

        moved = move_rows(rows, source, target, complete, lock.hand_to)
    _print_moved(source, moved, blobs)


async def _copied(blobs: BlobMove) -> None:
    await blobs.claim()
    await blobs.catch_up()


def _check(settings: Settings, source: DataDir) -> None:
    source.require()
    if shared_secret_of(settings) != load_secret(source.secret):
        raise SettingsError(
            f"secret_key: it must be that of the data directory, or tokens and signed URLs end: "
            f"set secret_key_file to {source.secret}, or to a copy of it."
        )
    is_same = settings.data_dir.absolute().resolve() == source.root.resolve()
    if settings.blob_url is None and not is_same:
        raise SettingsError(
            f"data_dir: it must be {source.root}, where the originals stay without blob_url."
        )


def _require_whole(blobs: BlobMove, *, without_damaged: bool) -> None:
    faults = blobs.report.faults
    if not faults or without_damaged:
        return
    _print_faults(blobs)
    typer.echo(
        f"{len(faults):,} originals or mezzanines cannot be moved. The others are in "
        f"{blobs.report.bucket}; the metadata did not move, and the server goes on. Restore the "
        "files from a backup, or delete their images, and run the command again; or move without "
        "them: --without-damaged."
    )
    raise typer.Exit(1)


def _print_faults(blobs: BlobMove) -> None:
    for digest, reason in blobs.report.faults.items():
        typer.echo(f"{reason}: {digest}: {'; '.join(blobs.uses_of(digest))}")


def _print_moved(source: DataDir, moved: Moved, blobs: BlobMove | None) -> None:
    what = "metadata"
    if blobs is not None:
        _print_faults(blobs)
        report = blobs.report
        typer.echo(
            f"{report.blobs - len(report.faults):,} originals and mezzanines are in "
            f"{report.bucket}: {report.sent:,} of them sent now ({report.sent_bytes:,} bytes)."
        )
        if report.faults:
            typer.echo(f"{len(report.faults):,} are not there.")
        what = "originals and metadata"
    for name, count in moved.rows.items():
        typer.echo(f"{count:>12,} {name}")
    verb = "were moved before" if moved.was_done else "have moved"
    also = "" if blobs is None else " and blob_url"
    typer.echo(
        f"The {what} of {source.root} {verb}, and the rows are the same in PostgreSQL. Its server "
        f"writes no more: stop it, and start it with database_url{also}."
    )
