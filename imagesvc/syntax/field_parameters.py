"""Header fields of a value and parameters, such as Content-Type (RFC 9110, section 5.6.6).

Only the first parameters of a field are read. The parser of `python_multipart` reads them all,
which takes a tenth of a second for 64 KiB of semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_PARAMETERS = 16
"""Further parameters are not read."""
_PARAMETER = re.compile(
    r';[ \t]*+([^\s=;"]++)[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^;]*+)', re.DOTALL
)


def value_of(field: str) -> str:
    """The value without its parameters, in lower case."""
    return field.partition(";")[0].strip(" \t").lower()


def parameters_of(field: str) -> dict[str, str]:
    """The parameters by name, in lower case; of several with one name, the last."""
    return dict(_parameters(field))


def _parameters(field: str) -> Iterator[tuple[str, str]]:
    start = field.find(";")
    for _ in range(MAX_PARAMETERS):
        if start < 0:
            return
        match = _PARAMETER.match(field, start)
        if match is not None:
            yield match[1].lower(), _unquoted(match[2].rstrip(" \t"))
        start = field.find(";", start + 1 if match is None else match.end())


def _unquoted(value: str) -> str:
    """The text of a value; a backslash before any character but a quote or backslash is kept.

    Browsers do not escape backslashes in file names.
    """
    if len(value) > 1 and value[0] == value[-1] == '"':
        return "\\".join(part.replace('\\"', '"') for part in value[1:-1].split("\\\\"))
    return value
