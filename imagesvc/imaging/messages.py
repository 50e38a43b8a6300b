"""The messages to and from workers: requests and results. `imaging.calls` encodes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO

from imagesvc.errors import ImagesvcError
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.limits import Limits
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Analysis, Original
from imagesvc.model.transforms import Transform, Watermark

Spill = Callable[[bytes], int]
"""Writes a large output to a file that the server opened for it, and returns the file's number."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a call reads and writes; workers open no files themselves."""

    data: Data
    """The file that the call is about; empty if none."""
    spill: Spill


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Some variants of one file to make; the transforms are effective ones."""

    transforms: tuple[Transform, ...]
    limits: Limits
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    """Those that the transforms name."""
    original: Size | None = None
    """The size of the original, as shown, where the file is a mezzanine that serves them all."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A variant made: its bytes in `data`, or in a file of the server."""

    data: bytes | None
    spilled: int | None
    """In the worker: the number of the file."""
    format: Format
    width: int
    height: int
    frames: int
    bytes: int
    crc32: int
    seconds: Mapping[str, float]
    """By stage: decode, transform and encode; of a large variant just render, all together."""
    file: BinaryIO | None = None
    """In the server: the file, without a name; for the receiver to close."""


def content_of(rendered: Rendered) -> bytes | BinaryIO:
    """The output of a worker, in the server: its bytes, or its file.

    Raises:
        ImagesvcError: the worker gave neither.
    """
    content = rendered.file if rendered.data is None else rendered.data
    if content is None:
        raise ImagesvcError("A worker returned neither bytes nor a file.")
    return content


Outcomes = tuple[Rendered | ImagesvcError, ...]


@dataclass(frozen=True, slots=True)
class AnalyseRequest:
    """An original to analyse, and its first variants to make; the transforms are effective."""

    original: Original
    transforms: tuple[Transform, ...]
    limits: Limits
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    reduced: frozenset[Transform] = frozenset()
    """Those of the transforms that are made from the mezzanine that the analysis makes."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """The analysis and the variants; a result for each transform, in order."""

    analysis: Analysis
    mezzanine: bytes | None
    """A file, where the original is large enough for one."""
    outcomes: Outcomes


class Withheld(StrEnum):
    """What a copy of an original lacks."""

    LOCATION = "location"
    METADATA = "metadata"
    """All but what decoders need: orientation and colour profile."""


class Removal(StrEnum):
    """The result of removing what a copy must not have."""

    NOTHING = "nothing"  # there was nothing to remove: the file is its own copy
    REMOVED = "removed"
    UNCLEAR = "unclear"  # only a picture that is encoded again certainly lacks it


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of an original without its location or metadata, if one was made."""

    removal: Removal
    copy: Rendered | None = None
