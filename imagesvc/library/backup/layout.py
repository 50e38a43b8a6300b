"""What a backup consists of: blobs by digest, and snapshots that need some of them.

imagesvc-backup                  that this is a backup
blobs/ab/cd/<sha256>             originals and mezzanines; only ever added
snapshots/<time>/imagesvc.db     the database at that time
snapshots/<time>/digests         the blobs that it needs, with their sizes
snapshots/<time>/secret.key
snapshots/<time>/manifest.json   written last: a snapshot without it is not whole
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from io import SEEK_END, BufferedReader, BytesIO
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from imagesvc.model.ids import Digest

FORMAT = 1
MARKER = "imagesvc-backup"
BLOBS = "blobs"
SNAPSHOTS = "snapshots"
DATABASE = "imagesvc.db"
DIGESTS = "digests"
SECRET = "secret.key"  # noqa: S105  # a name
MANIFEST = "manifest.json"

_TIME = "%Y%m%dT%H%M%SZ"
_DIGEST = "[0-9a-f]{64}"
_BLOB = re.compile(rf"{BLOBS}/[0-9a-f]{{2}}/[0-9a-f]{{2}}/({_DIGEST})")
_LINE = re.compile(rf"({_DIGEST}) ([0-9]{{1,15}})")
_WORD = "^[0-9A-Za-z.+_-]{1,60}$"


class File(BaseModel):
    """A file of a snapshot."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str

    @classmethod
    def of(cls, content: BufferedReader | BytesIO) -> Self:
        """The description of what is in an open file."""
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        return cls(bytes=content.seek(0, SEEK_END), sha256=digest)

    @classmethod
    def at(cls, path: Path) -> Self:
        """The description of the file at a path."""
        with path.open("rb") as file:
            return cls.of(file)


class Manifest(BaseModel):
    """The description of a whole snapshot."""

    model_config = ConfigDict(frozen=True)

    format: int
    created_at: datetime
    imagesvc: str = Field(pattern=_WORD)
    """The version that made it."""
    schema_revision: str = Field(pattern=_WORD)
    blobs: int
    blob_bytes: int
    missing: tuple[str, ...]
    """Blobs that it needs, but that were missing or damaged in the data directory."""
    files: dict[str, File]

    @field_validator("files")
    @classmethod
    def _names_all(cls, files: dict[str, File]) -> dict[str, File]:
        if missing := {DATABASE, DIGESTS, SECRET} - files.keys():
            raise ValueError(f"lacks {', '.join(sorted(missing))}")
        return files


def blob_key(digest: Digest) -> str:
    """Where a blob is."""
    return f"{BLOBS}/{digest[:2]}/{digest[2:4]}/{digest}"


def digest_in(key: str) -> Digest | None:
    """The digest of the blob at a key; None for another object."""
    found = _BLOB.fullmatch(key)
    return Digest(found[1]) if found else None


def snapshot_key(snapshot: str, name: str) -> str:
    """Where a file of a snapshot is."""
    return f"{SNAPSHOTS}/{snapshot}/{name}"


def snapshot_name(now: datetime) -> str:
    """The name of a snapshot of this time; names sort by time."""
    return now.astimezone(UTC).strftime(_TIME)


def time_of(snapshot: str) -> datetime | None:
    """The time of a snapshot; None if this is no name of one."""
    try:
        return datetime.strptime(snapshot, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def written_digests(digests: dict[Digest, int]) -> bytes:
    """The file of the digests, one a line with its size."""
    return "".join(f"{digest} {size}\n" for digest, size in sorted(digests.items())).encode()


def read_digests(content: bytes) -> dict[Digest, int]:
    """The digests of a file, with their sizes. They become names of files, so nothing else passes.

    Raises:
        ValueError: a line is no digest with a size.
    """
    found = {}
    for line in content.decode("ascii").splitlines():
        described = _LINE.fullmatch(line)
        if described is None:
            raise ValueError(f"{line[:100]!r} is no digest with a size")
        found[Digest(described[1])] = int(described[2])
    return found
