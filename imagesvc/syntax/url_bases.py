"""The prefix of the service's URLs, which middleware adds to the ASGI scope of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ORIGIN = "imagesvc.origin"
"""The key in the ASGI scope of the scheme and host that a trusted proxy reported."""
PREFIX = "imagesvc.prefix"
"""The key of the path at which a trusted proxy serves this service."""
BASE = "imagesvc.base"
"""The key of the prefix of the service's URLs: a path, or an absolute URL."""


def base_in(scope: Mapping[str, Any]) -> str:
    """The prefix of the URLs in a response, before the path of a route."""
    base: str = scope.get(BASE, "")
    return base


def absolute_base_in(scope: Mapping[str, Any]) -> str:
    """The same with scheme and host, if the settings or a trusted proxy name them.

    An untrusted Host field must not determine the URLs in a response.
    """
    origin: str = scope.get(ORIGIN, "")
    return f"{origin}{base_in(scope)}"
