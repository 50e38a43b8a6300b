"""What is noted about a request while it is answered, for its log line and the metrics.

All values but the principal are from fixed sets, so that no request can make up a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imagesvc.model.ids import UserId

NOTED = "imagesvc.noted"
"""The key in the ASGI scope."""


class RouteClass(StrEnum):
    """Requests of one kind take about as long as each other."""

    ORIGINAL = "original"
    VARIANT = "variant"
    UPLOAD = "upload"
    LIST = "list"
    PAGE = "page"
    API = "api"
    STREAM = "stream"
    """Responses that last: streams of events, and archives."""
    OTHER = "other"
    """Requests that no route takes."""


class CacheTier(StrEnum):
    """Where the bytes of a variant come from."""

    MEMORY = "memory"
    DISK = "disk"
    RENDERED = "rendered"
    """Made from the original."""
    MEZZANINE = "mezzanine"
    """Made from the reduced copy of the original."""
    NONE = "none"
    """No bytes of a variant are sent."""


@dataclass(slots=True)
class Noted:
    """What the parts that answer a request note about it."""

    route: RouteClass = RouteClass.OTHER
    template: str = ""
    """The path of the operation, with names for its parameters."""
    cache: CacheTier = CacheTier.NONE
    principal: UserId | None = None
    trace_id: str | None = None


def noted_in(scope: Mapping[str, Any]) -> Noted:
    """The notes about the request of an ASGI scope; nobody reads them if it is not logged."""
    noted: Noted | None = scope.get(NOTED)
    return Noted() if noted is None else noted
