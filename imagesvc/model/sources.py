"""Watched sources: where a service looks for new files, and what it found last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from imagesvc.model.ids import Digest, ImageId, SourceId, UserId
from imagesvc.model.images import Visibility


class SourceKind(StrEnum):
    """What a source is."""

    FOLDER = "folder"
    S3 = "s3"
    INDEX = "index"
    FEED = "feed"


class OnVanish(StrEnum):
    """What is done with the image of a file that is gone."""

    KEEP = "keep"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What the last scan found; files by what was done with them."""

    started_at: datetime
    seconds: float
    seen: int = 0
    """Files that are there."""
    added: int = 0
    """New images."""
    known: int = 0
    """New files whose content the owner has already."""
    changed: int = 0
    """Images of files that have another content than before; the earlier images stay."""
    renamed: int = 0
    vanished: int = 0
    waiting: int = 0
    """Files that still change; the next scan looks at them again."""
    failed: int = 0
    """Files that are not accepted; they are tried again when they change."""
    failures: tuple[str, ...] = ()
    """The first of them, with the reason."""
    error: str | None = None
    """What ended the scan, or why files that are gone were left alone."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place that a service looks at again and again."""

    id: SourceId
    owner_id: UserId | None
    kind: SourceKind
    address: str
    interval_seconds: int
    collection: str
    """The template of the title of each file's collection; empty for none."""
    tags: tuple[str, ...]
    visibility: Visibility | None
    on_vanish: OnVanish
    is_enabled: bool
    created_at: datetime
    updated_at: datetime
    next_scan_at: datetime
    result: ScanResult | None = None
    state: dict[str, Any] = field(default_factory=dict)
    """What its reader keeps between scans, such as entity tags."""


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """A file of a source that was looked at before."""

    path: str
    size: int
    mark: str
    """Changes when its content does: a time of modification, or an entity tag."""
    digest: Digest | None = None
    """None for a file that was not accepted."""
    image_id: ImageId | None = None
    is_gone: bool = False
