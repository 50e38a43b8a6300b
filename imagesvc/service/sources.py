"""Watched sources: what reads, scans and watches them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from imagesvc.library.importing.intake import Intake
from imagesvc.library.sources.readers import Readers
from imagesvc.library.sources.scanner import Scanner
from imagesvc.library.sources.vanishing import Vanishing
from imagesvc.library.sources.watcher import Watcher
from imagesvc.library.trash import Trash
from imagesvc.model.images import Visibility
from imagesvc.outbound.source import Source
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class SourceParts:
    """The readers of sources, and what scans them in the background."""

    readers: Readers
    watcher: Watcher


def sources_of(
    settings: Settings, stores: Stores, intake: Intake, trash: Trash, remote: Source | None
) -> SourceParts:
    """The watcher of all sources; it is not started yet."""
    readers = Readers(
        settings.source_roots, partial(asyncio.sleep, settings.source_settle_time), remote
    )
    scanner = Scanner(
        store=stores.sources,
        intake=intake,
        vanishing=Vanishing(stores.images, trash),
        reader_of=readers.reader_of,
        default_visibility=Visibility(settings.upload_visibility),
    )
    leadership = stores.database.leadership
    watcher = Watcher(stores.sources, scanner, readers.folder_of, leadership)
    return SourceParts(readers, watcher)
