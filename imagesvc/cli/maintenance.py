"""Commands that look after what is stored: `check`, `gc` and `migrate`."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from imagesvc.cli.loading import load_settings
from imagesvc.cli.moving import move
from imagesvc.cli.offline import on_store
from imagesvc.cli.options import DataDirOption
from imagesvc.library.checking.data_dir import check_data
from imagesvc.library.checking.report import Report
from imagesvc.library.checking.shared import check_shared
from imagesvc.library.garbage import Orphans
from imagesvc.logs import configure_logs
from imagesvc.service.database import shared_database
from imagesvc.service.parts import Parts
from imagesvc.settings.sources import SettingsError
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.sqlite.expected import HINT as SCHEMA_HINT
from imagesvc.store.db.sqlite.migrate import HEAD, NEWER_HINT
from imagesvc.store.files.data_dir import DataDir

DANGLING_HINT = (
    "Rows were lost, such as by a recovery. Restore a backup; or copy the files without a row, "
    "which imagesvc gc and the server remove, and run imagesvc check --repair: it removes what "
    "belonged to the lost rows. docs/data-directory.md has the steps (A damaged database)."
)
"""For an operator whose database lacks rows."""
SHARED_STEPS = (
    "Stop the servers and workers, look into the log of PostgreSQL, and restore a backup of the "
    "database. docs/scaling.md has the steps (Check, back up and restore)."
)
"""For an operator whose PostgreSQL has damaged tables, or lacks rows."""


def check(
    data_dir: DataDirOption = None,
    repair: Annotated[
        bool,
        typer.Option(
            help="Move damaged blobs to quarantine/, and remove what belonged to lost rows."
        ),
    ] = False,
) -> None:
    """Verify the database, every blob against its digest, and every row against its blob.

    Exit status: 0 when no damage is found, 1 when there is damage, 2 when it cannot be checked.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    if settings.is_embedded:
        report = asyncio.run(check_data(DataDir(settings.data_dir.absolute()), repair=repair))
        _print_report(report, NEXT_STEPS, DANGLING_HINT)
    else:
        report = on_store(settings, functools.partial(_check_shared, repair=repair))
        _print_report(report, SHARED_STEPS, SHARED_STEPS)
    if not report.is_sound:
        raise typer.Exit(1)


async def _check_shared(service: Parts, *, repair: bool) -> Report:
    files = service.files
    return await check_shared(
        service.stores.database, files.data_dir, files.blobs, files.locks,
        orphan_seconds=service.settings.gc_grace, repair=repair,
    )  # fmt: skip


def _print_report(report: Report, of_damage: str, of_lost_rows: str) -> None:
    console = Console()
    console.print(f"{report.verified} blobs verified ({report.bytes:,} bytes).")
    for title, found in (
        ("damaged", report.damaged),
        ("missing", report.missing),
        ("without a row (run gc)", report.without_row),
        ("moved to quarantine", report.quarantined),
        ("denied", report.denied),
    ):
        for item in found:
            console.print(f"{title}: {item}", soft_wrap=True, markup=False, highlight=False)
    for fault in report.secret:
        console.print(f"secret: {fault}", soft_wrap=True, markup=False, highlight=False)
    if report.mended:
        console.print(f"repaired: {report.mended:,} rows that pointed at lost rows")
    if report.denied:
        console.print("Run the command as the user that runs the server.")
    for faults, next_steps in (
        (report.database, of_damage),
        (report.dangling, of_lost_rows),
        (report.newer, NEWER_HINT),
        (report.schema, SCHEMA_HINT),
    ):
        for fault in faults:
            console.print(f"database: {fault}", soft_wrap=True, markup=False, highlight=False)
        if faults:
            console.print(next_steps, soft_wrap=True, markup=False, highlight=False)
    console.print("sound" if report.is_sound else "NOT SOUND")


def gc(
    data_dir: DataDirOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only show what would be removed.")] = False,
    grace: Annotated[
        str | None, typer.Option(help="Keep files that are younger, such as 10m.")
    ] = None,
) -> None:
    """Remove files without a row, images that have expired, and those of the trash that are due.

    Exit status: 0 when all are removed, 1 when the bucket does not permit to remove some.
    """
    settings = load_settings(data_dir=data_dir, gc_grace=grace)
    due, found = on_store(
        settings, functools.partial(_collect, dry_run=dry_run), may_use_reserve=not dry_run
    )
    verb = "would be removed" if dry_run else "removed"
    Console().print(
        f"{found.blobs} blobs ({found.blob_bytes:,} bytes), {found.variants} variants, "
        f"{found.uploads} unfinished uploads, {found.slots} expired upload URLs and "
        f"{due} expired or trashed images {verb}.",
        soft_wrap=True,
    )
    if found.refused:
        typer.echo(f"{found.refused} objects without a row cannot be removed. {found.refusal}")
        raise typer.Exit(1)


async def _collect(service: Parts, *, dry_run: bool) -> tuple[int, Orphans]:
    grace, images = service.settings.gc_grace, service.due_images
    due = await (images.count() if dry_run else images.remove())
    return due, await service.collector.collect(grace_seconds=grace, dry_run=dry_run)


def migrate(
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DATA_DIR",
            help="Also move a data directory, whose server may run: its metadata, and its "
            "originals if there is a blob_url.",
        ),
    ] = None,
    without_damaged: Annotated[
        bool, typer.Option(help="With --from: move although originals are missing or damaged.")
    ] = False,
) -> None:
    """Make or upgrade the tables in PostgreSQL, at database_url.

    Run it before the servers of a new version start. It changes all or nothing, and several that
    run at once take turns. The database of a data directory is upgraded by the start of its server.

    Exit status: 0 when it is done, 1 when originals are missing or damaged and nothing moved but
    the others, 2 when it cannot be done.
    """
    settings = load_settings()
    if settings.database_url is None:
        raise SettingsError(
            "database_url: there is none, so nothing is to be done. The start of a server upgrades "
            "the database of its data directory."
        )
    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    database = shared_database(settings.database_url)
    try:
        before = database.migrate()
        if source is not None:
            data_dir = DataDir(source.absolute())
            move(settings, data_dir, database, without_damaged=without_damaged)
            return
    finally:
        asyncio.run(database.close())
    if before == HEAD:
        typer.echo(f"The database has schema {HEAD} already.")
    else:
        typer.echo(f"The database has schema {HEAD} now; before: {before or 'no tables'}.")
