"""The parameters in paths of operations, with their descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A parameter of a path."""

    description: str
    schema: Mapping[str, Any]


def _id_of(thing: str) -> PathParameter:
    return PathParameter(f"The id of the {thing}.", {"type": "string", "format": "uuid"})


def _segment(description: str) -> PathParameter:
    return PathParameter(description, {"type": "string", "pattern": "^[^/?#]+$"})


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "image_id": _id_of("image"),
    "job_id": _id_of("job"),
    "collection_id": _id_of("collection"),
    "user_id": _id_of("user"),
    "key_id": _id_of("key"),
    "session_id": _id_of("session"),
    "share_id": _id_of("share"),
    "link_id": _id_of("link"),
    "token": _segment("The last part of the link."),
    "webhook_id": _id_of("webhook"),
    "delivery_id": _id_of("delivery"),
    "upload_id": _id_of("upload"),
    "archive_id": _id_of("archive"),
    "search_id": _id_of("saved search"),
    "source_id": _id_of("source"),
    "month": PathParameter(
        "A month, such as `2026-11`.", {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
    ),
    "preset": _segment("The name of a preset, such as `thumbnail`."),
    "asset": _segment("The asset."),
}


def path_parameters(path: str) -> dict[str, PathParameter]:
    """The parameters of a path, by name in order.

    Raises:
        KeyError: it has one that is not in `PATH_PARAMETERS`.
    """
    return {name: PATH_PARAMETERS[name] for name in re.findall(r"{(\w+)}", path)}
