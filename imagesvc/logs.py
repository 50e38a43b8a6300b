"""Structured logs: text on a terminal, JSON otherwise; one line for each event.

A line that cannot be written, to a full disk or a closed pipe, is lost: the logged work must not
fail.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

import structlog
from pydantic_core import to_json

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_OF_SEVERAL_LINES = frozenset({"exception", "stack"})

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from structlog.types import EventDict


class _StandardError(io.RawIOBase):
    """Standard error, without exceptions."""

    def writable(self) -> bool:
        return True

    def write(self, lines: ReadableBuffer) -> int:
        rest = memoryview(lines).cast("B")
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[os.write(2, rest) :]
        return memoryview(lines).nbytes

    def close(self) -> None:
        """Not when one of several loggers is gone."""


standard_error = cast("BinaryIO", _StandardError())


def print_on_terminal(line: str) -> None:
    """Print a line to standard error if people read it, not into files of logs."""
    if sys.stderr.isatty():
        standard_error.write(f"{line}\n".encode())


def configure_logs(
    log_format: Literal["auto", "text", "json"], log_level: str, node: str | None = None
) -> bool:
    """Send every log line to standard error in the chosen format, from the level on.

    Args:
        log_format: `auto` is text on a terminal, and JSON otherwise.
        log_level: the least severe one.
        node: a member of each line of JSON.

    Returns:
        Whether the lines are JSON.
    """
    if sys.stderr is None:  # `2>&-`: otherwise the next opened file would get its descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = io.TextIOWrapper(standard_error, "utf-8", "backslashreplace")
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_text:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                _shown,
                structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[log_level]),
            logger_factory=structlog.WriteLoggerFactory(
                io.TextIOWrapper(standard_error, sys.stderr.encoding, "backslashreplace")
            ),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                *([] if node is None else [_with_node(node)]),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[log_level]),
            logger_factory=structlog.BytesLoggerFactory(standard_error),
            cache_logger_on_first_use=True,
        )
    _route_standard_library(LEVELS[log_level])
    return not as_text


def _with_node(node: str) -> structlog.types.Processor:
    def add(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["node"] = node
        return event

    return add


def printable(text: str) -> str:
    r"""A text whose control characters, line ends and bidirectional marks are escapes such as `\n`.

    Terminals interpret some of them: they change colours and titles, and hide or reorder text.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _shown(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An event that is safe for a terminal: its paths and names may be untrusted."""
    return {printable(name): _shown_value(name, value) for name, value in event.items()}


def _shown_value(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    if name in _OF_SEVERAL_LINES:
        return "\n".join(map(printable, text.split("\n")))
    return printable(text)


def _dumps(event: object, **_options: object) -> bytes:
    return to_json(event, fallback=str, inf_nan_mode="null")


class _ToStructlog(logging.Handler):
    """Passes records of libraries, such as uvicorn, to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max(level for level in LEVELS.values() if level <= max(record.levelno, 10))
        logger = structlog.get_logger()
        logger.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _route_standard_library(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_ToStructlog()]
    root.setLevel(max(level, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in ("alembic", "httpx2", "uvicorn.error"):  # the service logs its start itself
        logging.getLogger(name).setLevel(logging.WARNING)
