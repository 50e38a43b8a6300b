"""The sources of settings: their names, and how they write lists and tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_origin

from pydantic_core import PydanticCustomError

PREFIX = "IMAGESVC_"
ENV_FILE = Path(".env")
TOML_FILE = Path("imagesvc.toml")
CLIENT_VARIABLES = frozenset({f"{PREFIX}KEY", f"{PREFIX}URL"})
"""Variables of `imagesvc upload`, which are not settings."""
NOT_DECODED = "not_decoded"
"""The kind of error of an invalid list or table."""
REMOVED = {
    "allowed_hosts": (
        "it was removed: without accounts the service answers to loopback names only. Set "
        f"{PREFIX}AUTH=required to serve another name"
    ),
}
"""Former settings, and what to set instead."""


class SettingsError(Exception):
    """Invalid settings; the text lists all of them."""


def decoded(value: object, annotation: object) -> object:
    """The value of a field with this annotation; lists and tables may be JSON in a text.

    Raises:
        ValueError: it is empty, or not JSON.
    """
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty; without this setting the default is in force")
    if not isinstance(value, str) or get_origin(annotation) not in {tuple, dict}:
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise PydanticCustomError(NOT_DECODED, "must be a list or a table") from error
