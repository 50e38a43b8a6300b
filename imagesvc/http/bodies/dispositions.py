"""Content-Disposition of a form's part: the names of its field and its file, in every encoding.

Browsers percent-encode quotes and line ends (the HTML standard), and nothing else. Other clients
write RFC 8187's `filename*`, which RFC 7578 forbids in forms, or an encoded word (RFC 2047).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote

from imagesvc.syntax.field_parameters import parameters_of, value_of

MAX_ENCODED = 4_000
"""Characters of a name in RFC 8187's or RFC 2047's encoding, which takes the longest to decode."""
_EXTENDED = re.compile(
    r"(utf-8|iso-8859-1)'[^']*'((?:[!#$&+.^_`|~\w-]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE
)
_ENCODED_WORDS = re.compile(r"\s*(?:=\?[\w.*-]+\?[BbQq]\?[^?\s]*\?=\s*)+")
_ESCAPED = re.compile("%(?:22|0D|0A)", re.IGNORECASE)
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@dataclass(frozen=True, slots=True)
class PartNames:
    """The names of a part; `filename` is None for a plain field."""

    field: str
    filename: str | None


def read_disposition(value: bytes) -> PartNames | None:
    """The names in a Content-Disposition; None if it is not `form-data`."""
    text = value.decode("latin-1")
    if value_of(text) != "form-data":
        return None
    found = parameters_of(text)
    filename = _extended(found.get("filename*", ""))
    if filename is None and "filename" in found:
        filename = _plain(_without_folders(found["filename"]))
    return PartNames(_unescaped(_text(found.get("name", ""))), filename)


def _text(value: str) -> str:
    return value.encode("latin-1").decode("utf-8", "replace")


def _without_folders(value: str) -> str:
    """The name of a file without the Windows path that Internet Explorer sends."""
    return value.rpartition("\\")[2] if value[1:3] == ":\\" or value[:2] == "\\\\" else value


def _plain(value: str) -> str:
    name = _unescaped(_text(value))
    if len(name) > MAX_ENCODED or _ENCODED_WORDS.fullmatch(name) is None:
        return name
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, ValueError):
        return name  # it only looks like one


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0].upper()], name)


def _extended(value: str) -> str | None:
    """The `filename*`, if it can be read."""
    match = _EXTENDED.fullmatch(value) if len(value) <= MAX_ENCODED else None
    return None if match is None else unquote(match[2], match[1], "replace")
