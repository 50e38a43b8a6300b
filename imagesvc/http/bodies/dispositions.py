"""Content-Disposition of a form's part: the names of its field and its file, in every spelling.

Browsers percent-encode quotes and line ends (the HTML standard), and nothing else. Other clients
write RFC 8187's `filename*`, which RFC 7578 forbids in forms, or an encoded word (RFC 2047).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote

from python_multipart.multipart import parse_options_header

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_EXTENDED = re.compile(
    r"(utf-8|iso-8859-1)'[^']*'((?:[!#$&+.^_`|~\w-]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE
)
_ENCODED_WORDS = re.compile(r"\s*(?:=\?[\w.*-]+\?[BbQq]\?[^?\s]*\?=\s*)+")
_ESCAPED = re.compile("%(?:22|0D|0A)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PartNames:
    """What a part is called; `filename` is None where the field names no file."""

    field: str
    filename: str | None


def read_disposition(value: bytes) -> PartNames | None:
    """The names in a Content-Disposition; None if it is not that of a form's part."""
    kind, options = parse_options_header(value)
    if kind != b"form-data":
        return None
    filename = _extended(value)
    if filename is None and b"filename" in options:
        filename = _plain(options[b"filename"])
    return PartNames(_unescaped(_text(options.get(b"name", b""))), filename)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _plain(value: bytes) -> str:
    name = _unescaped(_text(value))
    if _ENCODED_WORDS.fullmatch(name) is None:
        return name
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, ValueError):
        return name  # it only looks like one


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda match: unquote(match[0]), name)


def _extended(value: bytes) -> str | None:
    """The `filename*`, if there is one that can be read."""
    for name, text in _PARAMETER.findall(value.decode("latin-1")):
        match = _EXTENDED.fullmatch(text.strip().strip('"'))
        if name.lower() == "filename*" and match is not None:
            return unquote(match[2], match[1], "replace")
    return None
