"""Carries out `imagesvc import`: lists the files, opens the target, and sums up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagesvc.auth.principals import Scope
from imagesvc.cli.importing.importer import Counts, Importer
from imagesvc.cli.importing.items import Description
from imagesvc.cli.importing.local import data_dir_target
from imagesvc.cli.importing.patience import Patience
from imagesvc.cli.importing.progress import Progress
from imagesvc.cli.importing.service import ServiceTarget
from imagesvc.cli.importing.targets import Target
from imagesvc.cli.loading import load_settings
from imagesvc.cli.uploads.access import INTERRUPTED, access
from imagesvc.cli.uploads.files import Listing, listed
from imagesvc.client import AsyncClient
from imagesvc.errors import text_of
from imagesvc.library.importing.facts import tags_from
from imagesvc.library.importing.templates import InvalidTemplate, Template
from imagesvc.logs import configure_logs
from imagesvc.model.images import Visibility
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import running_server
from imagesvc.store.sources.known_files import KnownFiles

SCOPES = frozenset({Scope.READ, Scope.UPLOAD, Scope.MANAGE})
FAILED = 1
SERVER_HINT = "The next imagesvc serve makes the variants."
Into = Callable[[AbstractAsyncContextManager[Target]], Coroutine[Any, Any, None]]
"""Imports into a target that it opens."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command."""

    paths: tuple[Path, ...]
    url: str | None
    key: str | None
    collection: str
    tags: tuple[str, ...]
    visibility: Visibility | None
    owner: str | None
    state: Path | None
    is_dry_run: bool
    is_json: bool
    retry_for: float
    """Seconds."""
    data_dir: Path | None


def run_import(options: Options) -> int:
    """Import files; returns the exit status.

    Raises:
        SettingsError: an option cannot be used.
        Halt: the service cannot be reached, or refuses the key, from the start.
    """
    template = _template(options.collection)
    listing = listed(options.paths)
    describe = Description(options.paths, template, tags_from(options.tags))
    progress = Progress(listing, options.is_json, options.is_dry_run)
    counts = Counts()

    async def into(opened: AbstractAsyncContextManager[Target]) -> None:
        with KnownFiles(options.state or _default_state()) as known, progress:
            async with opened as target:
                importer = Importer(target, known, describe, progress, options.is_dry_run, counts)
                await importer.run(listing.files)

    is_interrupted, hint = False, ""
    try:
        hint = _open(options, into, Patience(options.retry_for, progress.tell))
    except KeyboardInterrupt:
        is_interrupted = True
    finally:
        progress.finish()
    _sum_up(progress, counts, describe.sidecars.faults, is_interrupted=is_interrupted)
    if hint and counts.imported and not options.is_dry_run:
        progress.tell(hint)
    if is_interrupted:
        return INTERRUPTED
    is_complete = counts.settled == len(listing.files) and not counts.failed
    return 0 if is_complete and not listing.faults else FAILED


def _template(text: str) -> Template:
    try:
        return Template.parse(text)
    except InvalidTemplate as error:
        raise SettingsError(f"--collection {error}") from error


def _open(options: Options, into: Into, patience: Patience) -> str:
    """Import into the service that is named or runs on the data directory, or else into that.

    Returns what is still to be done.
    """
    settings = _unserved(options)
    if settings is not None:
        configure_logs(settings.log_format, "warning", settings.node_name)
        asyncio.run(into(data_dir_target(settings, options.owner, options.visibility)))
        return SERVER_HINT
    if options.owner is not None:
        raise SettingsError("--owner is for a data directory without a server: the key names it.")
    with access(options.url, options.key, options.data_dir, SCOPES) as (url, credential):
        asyncio.run(into(_service(url, credential, options.visibility, patience)))
    return ""


def _unserved(options: Options) -> Settings | None:
    """The settings of the data directory to import into; None if a service is to do it."""
    if options.url is not None:
        return None
    settings = load_settings(data_dir=options.data_dir)
    lock = DataDir(settings.data_dir.absolute()).server_lock
    return settings if running_server(lock) is None else None


@asynccontextmanager
async def _service(
    url: str, credential: str | None, visibility: Visibility | None, patience: Patience
) -> AsyncIterator[Target]:
    async with AsyncClient(url, key=credential) as client:
        target = ServiceTarget(client, url, visibility, patience)
        try:
            yield target
        finally:
            await target.remove_empty()


def _default_state() -> Path:
    """In the user's folder for what can be made again (XDG Base Directory Specification)."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "imagesvc" / "imports.db"


def _sum_up(progress: Progress, counts: Counts, faults: list[str], *, is_interrupted: bool) -> None:
    listing = progress.listing
    for fault in faults:
        progress.tell(f"sidecar not used: {fault}")
    for error in listing.faults:
        progress.tell(text_of(error))
    if counts.halted_by:
        progress.tell(counts.halted_by)
    if is_interrupted:
        progress.tell("interrupted")
    progress.tell(_summary(listing, counts, is_dry_run=progress.is_dry_run))
    if counts.halted_by or is_interrupted:
        progress.tell("The same command goes on where this one stopped.")


def _summary(listing: Listing, counts: Counts, *, is_dry_run: bool) -> str:
    """The counts that are not zero, as text."""
    verb = "would be imported" if is_dry_run else "imported"
    parts = [f"{counts.imported:,} {'file' if counts.imported == 1 else 'files'} {verb}"]
    for count, words in (
        (counts.there, "there already"),
        (counts.repeated, "repeated (same content)"),
        (counts.trashed, "in the trash"),
        (counts.failed + len(listing.faults), "failed"),
        (len(listing.files) - counts.settled, "not sent"),
        (listing.passed_over, "skipped (not images)"),
    ):
        parts += [f"{count:,} {words}"] if count else []
    return ", ".join(parts)
