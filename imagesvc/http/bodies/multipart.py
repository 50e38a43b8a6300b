"""A multipart/form-data body as a stream of events, never whole in memory (RFC 7578)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from imagesvc.errors import InvalidRequest
from imagesvc.http.bodies.dispositions import read_disposition

MAX_PART_HEADERS = 16
MAX_HEADER_BYTES = 8 * 1024
MAX_BOUNDARY = 256
MAX_PREAMBLE = 64 << 10
"""Bytes before the first boundary, which are ignored (RFC 2046, section 5.1.1)."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part whose header has been read; `filename` is None for a plain field."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is complete."""


Event = PartBegins | PartData | PartEnds


@dataclass(slots=True)
class _Collector:
    """Collects the parser's callbacks for one piece of the body."""

    events: list[Event] = field(default_factory=list)
    is_complete: bool = False
    _headers: dict[str, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""

    def on_part_begin(self) -> None:
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._bound()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def on_header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name, self._value = b"", b""
        self._bound()

    def _bound(self) -> None:
        is_large = len(self._name) + len(self._value) > MAX_HEADER_BYTES
        if is_large and self._name.lower() == b"content-disposition":
            raise InvalidRequest(
                f"The names of a part's field and file may have {MAX_HEADER_BYTES:,} bytes."
            )
        if is_large or len(self._headers) > MAX_PART_HEADERS:
            raise InvalidRequest("A part of the body has too large a header.")

    def on_headers_finished(self) -> None:
        names = read_disposition(self._headers.get("content-disposition", b""))
        if names is None:
            raise InvalidRequest("A part of the body lacks 'Content-Disposition: form-data'.")
        filename = names.filename
        content_type = self._headers.get("content-type", b"text/plain")
        if filename is None and not content_type.startswith(b"text/plain"):
            filename = ""  # a file without a name is still a file
        self.events.append(PartBegins(names.field, filename))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(PartData(data[start:end]))

    def on_part_end(self) -> None:
        self.events.append(PartEnds())

    def on_end(self) -> None:
        self.is_complete = True


async def multipart_events(
    body: AsyncIterator[bytes], boundary: bytes
) -> AsyncGenerator[Event, None]:
    """Parse a body as it arrives.

    Raises:
        InvalidRequest: it is not a multipart body, or ends before its last boundary.
    """
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        raise InvalidRequest("The Content-Type of a multipart body needs a boundary.")
    collector = _Collector()
    callbacks = {
        name: getattr(collector, name) for name in dir(collector) if name.startswith("on_")
    }
    parser = MultipartParser(
        boundary,
        callbacks,  # type: ignore[arg-type]  # a TypedDict of these
        max_header_count=2 * MAX_PART_HEADERS,  # `_Collector` has lower limits, and better messages
        max_header_size=2 * MAX_HEADER_BYTES,
    )
    async for piece in _from_first_boundary(body, boundary):
        try:
            parser.write(piece)
        except MultipartParseError as error:
            raise InvalidRequest("The multipart body is malformed.") from error
        for event in collector.events:
            yield event
        collector.events.clear()
    if not collector.is_complete:
        raise InvalidRequest("The multipart body ends before its last boundary.")


async def _from_first_boundary(
    body: AsyncIterator[bytes], boundary: bytes
) -> AsyncGenerator[bytes, None]:
    """The body without its preamble.

    Raises:
        InvalidRequest: there is no boundary.
    """
    line_end = b"\r\n"
    marker = line_end + b"--" + boundary
    held: bytearray | None = bytearray(line_end)  # the body begins with a line
    async for piece in body:
        if held is None:
            yield piece
            continue
        searched = max(0, len(held) - len(marker))
        held += piece
        start = held.find(marker, searched, MAX_PREAMBLE + len(marker))
        if start >= 0:
            yield bytes(held[start + len(line_end) :])
            held = None
        elif len(held) > MAX_PREAMBLE:
            break
    if held is not None:
        raise InvalidRequest("The multipart body holds no part that begins with its boundary.")
