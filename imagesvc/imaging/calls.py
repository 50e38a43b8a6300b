"""The calls that cross to workers, and how their results come back as data.

The server process imports this module and never a codec. What a worker answers is read as
JSON and bytes, never unpickled: a decoder that was taken over must not reach the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from imagesvc.errors import ImagesvcError, NotFound, by_code
from imagesvc.imaging.limits import Limits
from imagesvc.model import Format, Probe, Transform, Watermark

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
    seconds: float


Outcomes = tuple[Rendered | ImagesvcError, ...]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A function for workers: `run` and `pack` there, `unpack` in the server."""

    name: str
    run: Callable[..., T]
    pack: Callable[[T], Packed]
    unpack: Callable[[Plain, memoryview], T]


def _load_codecs() -> None:
    import imagesvc.imaging.probe  # noqa: PLC0415  # in the worker only
    import imagesvc.imaging.render  # noqa: F401, PLC0415  # the same


def _probe(path: str, limits: Limits) -> Probe:
    from imagesvc.imaging.probe import probe  # noqa: PLC0415  # in the worker only

    return probe(path, limits)


def _render(request: RenderRequest) -> Outcomes:
    from imagesvc.imaging.render import render_each  # noqa: PLC0415  # in the worker only

    try:
        return render_each(request)
    except FileNotFoundError as error:  # deleted since it was asked for
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
        outcomes.append(Rendered(**{**item, "data": data, "format": Format(item["format"])}))
    return tuple(outcomes)


READY: Call[None] = Call("ready", _load_codecs, lambda _: (None, b""), lambda _plain, _body: None)
"""Load what the first real call would otherwise wait for."""
PROBE: Call[Probe] = Call("probe", _probe, lambda probe: (asdict(probe), b""), _unpack_probe)
"""`imaging.probe.probe`: identify a file from its header."""
RENDER: Call[Outcomes] = Call("render", _render, _pack_outcomes, _unpack_outcomes)
"""`imaging.render.render_each`: make variants of a file."""

CALLS: Mapping[str, Call[Any]] = {call.name: call for call in (READY, PROBE, RENDER)}
