"""The command `doctor`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from imagesvc.cli.loading import load_settings
from imagesvc.cli.options import DataDirOption
from imagesvc.errors import BucketTooOpen, Unavailable
from imagesvc.library.doctor.findings import Finding, Level, error
from imagesvc.library.identity import Identity
from imagesvc.service.database import reading_database_of
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.engine import count_workers
from imagesvc.store.objects.incoming import FOLDER as INCOMING
from imagesvc.store.objects.mark import BucketMark
from imagesvc.store.objects.opening import open_blob_bucket
from imagesvc.store.objects.permissions import refused_in
from imagesvc.store.objects.upload_rights import UploadRights

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


def doctor(
    data_dir: DataDirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One list of objects.")] = False,
) -> None:
    """Examine the installation, and say what to do; nothing is changed.

    In a bucket, two objects are stored and removed again, to find out whether that is permitted.

    Exit status: 0 without errors, also with warnings; 1 with errors.
    """
    found = []
    for finding in _findings(data_dir):
        found.append(finding)
        if not as_json:
            _show(finding)
    counts = {level: sum(finding.level is level for finding in found) for level in Level}
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(finding) for finding in found], indent=2))
    else:
        typer.echo(f"{counts[Level.ERROR]} errors, {counts[Level.WARNING]} warnings.")
    if counts[Level.ERROR]:
        raise typer.Exit(1)


def _findings(data_dir: Path | None) -> Iterator[Finding]:
    from imagesvc.library.doctor.doctor import examine  # noqa: PLC0415  # as `upload`

    try:
        settings = load_settings(data_dir=data_dir)
    except SettingsError as failure:
        remedy = "The server does not start with them: correct them. The rest assumes the defaults."
        yield error("settings", str(failure), remedy)
        defaults = Settings.model_construct()
        settings = defaults if data_dir is None else Settings.model_construct(data_dir=data_dir)
    yield from examine(settings, partial(_check_shared, settings), partial(_check_bucket, settings))


def _check_shared(settings: Settings) -> int:
    """Raises what is wrong with the database; returns the number of workers."""

    async def checked() -> int:
        database = reading_database_of(settings)
        try:
            await asyncio.to_thread(database.check)
            return await database.read(partial(count_workers, seconds=settings.job_lease))
        finally:
            await database.close()

    return asyncio.run(checked())


def _check_bucket(settings: Settings) -> list[str]:
    if settings.blob_url is None:
        return []
    bucket = open_blob_bucket(settings.blob_url)

    async def checked() -> list[str]:
        refused = await refused_in(bucket)
        if not refused:
            await _check_mark(settings, BucketMark(bucket))
        if settings.direct_uploads and not refused:
            excess = await UploadRights(bucket, INCOMING).excess()
            if excess is not None:
                raise BucketTooOpen(f"{excess}.")
        return refused

    return asyncio.run(checked())


async def _check_mark(settings: Settings, mark: BucketMark) -> None:
    """Raises `OriginalsOfAnother`; what is wrong with the database is another finding."""
    try:
        database = reading_database_of(settings)
    except Unavailable:
        return
    try:
        if await asyncio.to_thread(_is_usable, database):
            await Identity(database, ImageStore(database), mark, None).examine()
    finally:
        await database.close()


def _is_usable(database: Database) -> bool:
    try:
        database.check()
    except Unavailable:
        return False
    return True


def _show(finding: Finding) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{finding.level:>7}", style=STYLES[finding.level], end="  ", markup=False)
    console.print(f"{finding.name}: {finding.text}", markup=False)
    if finding.remedy:
        console.print(f"         → {finding.remedy}", markup=False)
