"""Names of files in a ZIP file: safe on every system, and each once."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

MAX_BYTES = 150
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


class Names:
    """The names that a ZIP file has so far; case makes no difference."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}
        """The number from which to look for a free name, by the first name."""

    def unique(self, filename: str, extension: str) -> str:
        """The name for a file with this name and format, which no other has."""
        stem = safe_stem(filename)
        name = first = f"{stem}.{extension}"
        number = self._next.get(first.casefold(), 1)
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}.{extension}"
        self._taken.add(name.casefold())
        self._next[first.casefold()] = number
        return name


def safe_stem(filename: str) -> str:
    """A file name without its suffix, folders, and characters that a system refuses."""
    valid = filename.encode(errors="replace").decode()  # without halves of surrogate pairs
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", valid))
    stem = PurePosixPath(plain).stem.strip(" .")
    stem = stem.encode()[:MAX_BYTES].decode(errors="ignore").strip(" .")
    if not stem or _RESERVED.fullmatch(stem.partition(".")[0]):
        return f"image{f'-{stem}' if stem else ''}"
    return stem
