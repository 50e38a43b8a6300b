"""The calls that cross to workers, and how their results come back as data.

The server process imports this module and never a codec. What a worker answers is read as
JSON and bytes, never unpickled: a decoder that was taken over must not reach the server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from imagesvc.errors import ImagesvcError, NotFound, by_code
from imagesvc.imaging.limits import Limits
from imagesvc.model import Facts, Format, Original, Probe, Size, Transform, Watermark

T = TypeVar("T")

Plain = Any
"""What JSON can hold."""
Packed = tuple[Plain, bytes]


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Some variants of one file to make; the transforms are effective ones."""

    path: str
    transforms: tuple[Transform, ...]
    spill_dir: str
    limits: Limits
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    """Those that the transforms name."""
    original: Size | None = None
    """The size of the original, as shown, where `path` is a mezzanine that serves them all."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A variant made: its bytes in `data`, or in the file `spill_path` that the taker removes."""

    data: bytes | None
    spill_path: str | None
    format: Format
    width: int
    height: int
    frames: int
    bytes: int
    crc32: int
    seconds: Mapping[str, float]
    """By stage: decode, transform and encode; of a large variant just render, all together."""


STAGES = ("decode", "transform", "encode", "render")
Outcomes = tuple[Rendered | ImagesvcError, ...]


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """An original to look at, and its first variants to make; the transforms are effective."""

    path: str
    original: Original
    transforms: tuple[Transform, ...]
    spill_dir: str
    limits: Limits
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest found out and made; an outcome for each transform, in order."""

    facts: Facts
    mezzanine: bytes | None
    """A file, where the original is large enough for one."""
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A function for workers: `run` and `pack` there, `unpack` in the server."""

    name: str
    run: Callable[..., T]
    pack: Callable[[T], Packed]
    unpack: Callable[[Plain, memoryview], T]


def _load_codecs() -> None:
    import imagesvc.imaging.ingest  # noqa: PLC0415  # in the worker only
    import imagesvc.imaging.probe  # noqa: PLC0415  # in the worker only
    import imagesvc.imaging.render  # noqa: F401, PLC0415  # the same


def _probe(path: str, limits: Limits) -> Probe:
    from imagesvc.imaging.probe import probe  # noqa: PLC0415  # in the worker only

    with _missing_file_named():
        return probe(path, limits)


def _render(request: RenderRequest) -> Outcomes:
    from imagesvc.imaging.render import render_each  # noqa: PLC0415  # in the worker only

    with _missing_file_named():
        return render_each(request)


def _ingest(request: IngestRequest) -> Ingested:
    from imagesvc.imaging.ingest import ingest  # noqa: PLC0415  # in the worker only

    with _missing_file_named():
        return ingest(request)


@contextlib.contextmanager
def _missing_file_named() -> Iterator[None]:
    """Files may be deleted at any time between the request and the opening in the worker."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The original is gone.") from error


def pack_error(error: ImagesvcError) -> Plain:
    """An error as plain values."""
    return {"code": error.code, "detail": error.detail, "fields": error.fields}


def unpack_error(plain: Plain) -> ImagesvcError:
    """The error that `pack_error` took apart."""
    fields = tuple((str(loc), str(msg)) for loc, msg in plain["fields"])
    return by_code(str(plain["code"]))(str(plain["detail"]), fields)


def _unpack_probe(plain: Plain, _body: memoryview) -> Probe:
    return Probe(**{**plain, "format": Format(plain["format"])})


def _pack_outcomes(outcomes: Outcomes) -> Packed:
    plain = [
        {"error": pack_error(outcome)}
        if isinstance(outcome, ImagesvcError)
        else {**asdict(outcome), "data": None if outcome.data is None else len(outcome.data)}
        for outcome in outcomes
    ]
    bodies = [item.data for item in outcomes if isinstance(item, Rendered) and item.data]
    return plain, b"".join(bodies)


def _unpack_outcomes(plain: Sequence[Mapping[str, Any]], body: memoryview) -> Outcomes:
    outcomes: list[Rendered | ImagesvcError] = []
    position = 0
    for item in plain:
        if "error" in item:
            outcomes.append(unpack_error(item["error"]))
            continue
        size = item["data"]
        data = None if size is None else bytes(body[position : position + size])
        position += size or 0
        kind, seconds = Format(item["format"]), _unpack_seconds(item["seconds"])
        outcomes.append(Rendered(**{**item, "data": data, "format": kind, "seconds": seconds}))
    return tuple(outcomes)


def _unpack_seconds(plain: Mapping[str, Any]) -> Mapping[str, float]:
    """Those of known stages alone: their names will stand in a header."""
    return {stage: float(plain[stage]) for stage in STAGES if stage in plain}


def _pack_ingested(ingested: Ingested) -> Packed:
    outcomes, body = _pack_outcomes(ingested.outcomes)
    mezzanine = ingested.mezzanine
    plain = {
        "facts": asdict(ingested.facts),
        "mezzanine": None if mezzanine is None else len(mezzanine),
        "outcomes": outcomes,
    }
    return plain, (mezzanine or b"") + body


def _unpack_ingested(plain: Plain, body: memoryview) -> Ingested:
    facts, size = plain["facts"], plain["mezzanine"]
    return Ingested(
        facts=Facts(**{**facts, "palette": tuple(facts["palette"])}),
        mezzanine=None if size is None else bytes(body[:size]),
        outcomes=_unpack_outcomes(plain["outcomes"], body[size or 0 :]),
    )


READY: Call[None] = Call("ready", _load_codecs, lambda _: (None, b""), lambda _plain, _body: None)
"""Load what the first real call would otherwise wait for."""
PROBE: Call[Probe] = Call("probe", _probe, lambda probe: (asdict(probe), b""), _unpack_probe)
"""`imaging.probe.probe`: identify a file from its header."""
RENDER: Call[Outcomes] = Call("render", _render, _pack_outcomes, _unpack_outcomes)
"""`imaging.render.render_each`: make variants of a file."""
INGEST: Call[Ingested] = Call("ingest", _ingest, _pack_ingested, _unpack_ingested)
"""`imaging.ingest.ingest`: facts, mezzanine and first variants of an original."""

CALLS: Mapping[str, Call[Any]] = {call.name: call for call in (READY, PROBE, RENDER, INGEST)}
