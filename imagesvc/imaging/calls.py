"""The calls of workers, and the encoding of their results.

The server process imports this module and never a codec; `imaging.handlers` has the worker's side.
An answer of a worker is read as JSON and bytes, never unpickled: a hijacked decoder must not reach
the server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, Generic, TypeVar

from imagesvc.errors import ImagesvcError
from imagesvc.imaging import replies
from imagesvc.imaging.messages import Analysed, Copied, Outcomes, Removal, Rendered
from imagesvc.model.formats import Format
from imagesvc.model.images import Analysis, Probe

T = TypeVar("T")

Plain = Any
"""The values of JSON."""
Packed = tuple[Plain, bytes]
MAX_OUTCOMES = 1000
COLOUR = "#[0-9a-f]{6}"
MAX_COLOURS = 16
STAGES = ("decode", "transform", "encode", "render")


@dataclass(frozen=True, slots=True)
class Answer:
    """The files and bytes of a worker's answer, which are untrusted like its values."""

    body: memoryview
    files: Sequence[BinaryIO] = ()
    """Those that the server opened for this call, by number; closed when it is over."""


Handler = Callable[..., Packed]
"""A handler of a call in a worker: a function of the `Files` and the arguments."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A kind of work for workers; `pack` is for the worker, `unpack` for the server."""

    name: str
    pack: Callable[[T], Packed]
    unpack: Callable[[Plain, Answer], T]

    def handled_by(self, run: Callable[..., T]) -> Handler:
        """The handler that packs what `run` returns, a function of the same arguments."""
        return lambda files, *args: self.pack(run(files, *args))


def pack_error(error: ImagesvcError) -> Plain:
    """An error as plain values."""
    return {"code": error.code, "detail": error.detail, "fields": error.fields}


def _unpack_probe(plain: Plain, _answer: Answer) -> Probe:
    found = replies.record(plain)
    return Probe(
        format=Format(found["format"]),
        width=replies.natural(found["width"]),
        height=replies.natural(found["height"]),
        frames=replies.natural(found["frames"]),
        has_alpha=replies.flag(found["has_alpha"]),
        decode_bytes=replies.natural(found["decode_bytes"]),
        decode_seconds=replies.duration(found["decode_seconds"]),
        exif=replies.scalars(found["exif"]),
        gps=replies.scalars(found["gps"]),
    )


def _pack_outcomes(outcomes: Outcomes) -> Packed:
    plain = [
        {"error": pack_error(outcome)}
        if isinstance(outcome, ImagesvcError)
        else _plain_rendered(outcome)
        for outcome in outcomes
    ]
    bodies = [item.data for item in outcomes if isinstance(item, Rendered) and item.data]
    return plain, b"".join(bodies)


def _plain_rendered(made: Rendered) -> Plain:
    """A variant without its bytes; `asdict` takes five times as long."""
    return {
        "data": None if made.data is None else len(made.data),
        "spilled": made.spilled,
        "format": made.format.value,
        "width": made.width,
        "height": made.height,
        "frames": made.frames,
        "bytes": made.bytes,
        "crc32": made.crc32,
        "seconds": dict(made.seconds),
    }


def _unpack_outcomes(plain: Plain, answer: Answer) -> Outcomes:
    outcomes: list[Rendered | ImagesvcError] = []
    rest = answer.body
    for item in map(replies.record, replies.sequence(plain, MAX_OUTCOMES)):
        if "error" in item:
            outcomes.append(replies.error(item["error"]))
            continue
        made, rest = _unpack_rendered(item, rest, answer.files)
        outcomes.append(made)
    return tuple(outcomes)


def _unpack_rendered(
    item: Mapping[str, Any], body: memoryview, files: Sequence[BinaryIO]
) -> tuple[Rendered, memoryview]:
    """A variant, and the rest of the body after it."""
    size = replies.natural(item["bytes"])
    data: bytes | None = None
    file: BinaryIO | None = None
    given: BinaryIO | None = None
    if item["spilled"] is None:
        data, body = _split_body(body, item["data"])
        held = len(data)
    else:
        given = files[replies.natural(item["spilled"], len(files) - 1)]
        held = os.fstat(given.fileno()).st_size
    if held != size:
        raise ValueError("the size of a variant is not that of its bytes")
    if given is not None:
        file = open(os.dup(given.fileno()), "rb", buffering=0)  # noqa: PTH123, SIM115  # a descriptor
    made = Rendered(
        data=data,
        spilled=None,
        format=Format(item["format"]),
        width=replies.natural(item["width"]),
        height=replies.natural(item["height"]),
        frames=replies.natural(item["frames"]),
        bytes=size,
        crc32=replies.natural(item["crc32"], 0xFFFFFFFF),
        seconds=_unpack_seconds(replies.record(item["seconds"])),
        file=file,
    )
    return made, body


def _split_body(body: memoryview, size: Plain) -> tuple[bytes, memoryview]:
    size = replies.natural(size, len(body))
    return bytes(body[:size]), body[size:]


def _unpack_seconds(plain: Mapping[str, Any]) -> Mapping[str, float]:
    """Only the seconds of known stages: their names are used in a header."""
    return {stage: replies.finite(plain[stage]) for stage in STAGES if stage in plain}


def _pack_analysed(analysed: Analysed) -> Packed:
    outcomes, body = _pack_outcomes(analysed.outcomes)
    mezzanine = analysed.mezzanine
    plain = {
        "analysis": asdict(analysed.analysis),
        "mezzanine": None if mezzanine is None else len(mezzanine),
        "outcomes": outcomes,
    }
    return plain, (mezzanine or b"") + body


def _unpack_analysed(plain: Plain, answer: Answer) -> Analysed:
    found, mezzanine, rest = replies.record(plain), None, answer.body
    if found["mezzanine"] is not None:
        mezzanine, rest = _split_body(rest, found["mezzanine"])
    return Analysed(
        analysis=_unpack_analysis(replies.record(found["analysis"])),
        mezzanine=mezzanine,
        outcomes=_unpack_outcomes(found["outcomes"], replace(answer, body=rest)),
    )


def _unpack_analysis(found: Mapping[str, Any]) -> Analysis:
    return Analysis(
        dominant_color=replies.matching(found["dominant_color"], COLOUR),
        palette=tuple(
            replies.matching(it, COLOUR) for it in replies.sequence(found["palette"], MAX_COLOURS)
        ),
        thumbhash=replies.matching(found["thumbhash"], "[A-Za-z0-9+/=]{4,64}"),
        phash=replies.matching(found["phash"], "[0-9a-f]{16}"),
    )


def _pack_copied(copied: Copied) -> Packed:
    copies, body = _pack_outcomes(() if copied.copy is None else (copied.copy,))
    return {"removal": copied.removal.value, "copies": copies}, body


def _unpack_copied(plain: Plain, answer: Answer) -> Copied:
    found = replies.record(plain)
    copies = _unpack_outcomes(found["copies"], answer)
    copy = copies[0] if copies else None
    removal = Removal(found["removal"])
    if isinstance(copy, ImagesvcError) or (copy is None) is (removal is Removal.REMOVED):
        raise ValueError("not a copy, or one that is not to be there")
    return Copied(removal, copy)


PROBE: Call[Probe] = Call("probe", lambda probe: (asdict(probe), b""), _unpack_probe)
"""Identify a file from its header."""
RENDER: Call[Outcomes] = Call("render", _pack_outcomes, _unpack_outcomes)
"""Make variants of a file."""
ANALYSE: Call[Analysed] = Call("analyse", _pack_analysed, _unpack_analysed)
"""Analysis, mezzanine and first variants of an original."""
COPY_WITHOUT: Call[Copied] = Call("copy_without", _pack_copied, _unpack_copied)
"""A copy of an original without its location or metadata."""
