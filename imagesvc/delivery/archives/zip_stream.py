"""A ZIP file that is written in pieces, without a file of its own."""

from __future__ import annotations

import zipfile
from datetime import datetime
from typing import IO

FIRST_YEAR, LAST_YEAR = 1980, 2107
ZIP64_BYTES = 1 << 31
"""From this size on, a member has the fields of ZIP64."""


class _Pieces:
    """What `zipfile` writes to: bytes that were written since they were last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class ZipStream:
    """Writes members one after another; each method returns the next bytes of the file."""

    def __init__(self) -> None:
        self._pieces = _Pieces()
        self._zip = zipfile.ZipFile(self._pieces, "w", zipfile.ZIP_STORED)
        self._member: IO[bytes] | None = None

    def begin(self, name: str, dated: datetime, size: int) -> bytes:
        """Begin a member, whose size is known or estimated."""
        year = min(max(dated.year, FIRST_YEAR), LAST_YEAR)
        date = (year, dated.month, dated.day, dated.hour, dated.minute, dated.second)
        info = zipfile.ZipInfo(name, date)
        info.external_attr = 0o644 << 16
        self._member = self._zip.open(info, "w", force_zip64=size >= ZIP64_BYTES)
        return self._pieces.take()

    def write(self, piece: bytes) -> bytes:
        """Add bytes to the member."""
        if self._member is None:
            raise RuntimeError("no member was begun")
        self._member.write(piece)
        return self._pieces.take()

    def end(self) -> bytes:
        """End the member."""
        if self._member is not None:
            self._member.close()
            self._member = None
        return self._pieces.take()

    def finish(self) -> bytes:
        """The directory at the end of the file."""
        self._zip.close()
        return self._pieces.take()
