"""The middleware for requests through proxies, in the order in which it corrects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Scope

from imagesvc.delivery.hot import Inline
from imagesvc.server.middleware.base_path import BasePathMiddleware
from imagesvc.server.middleware.forwarded import ForwardedMiddleware
from imagesvc.server.middleware.ignored_forwarded import IgnoredForwardedMiddleware
from imagesvc.settings.settings import Settings
from imagesvc.syntax.header_fields import FieldsByName


def behind_proxies(
    asgi: ASGIApp, inline: Inline, settings: Settings, paths: Sequence[str]
) -> tuple[ASGIApp, Inline]:
    """An application for requests as the proxies in front send them, if there are any.

    Args:
        asgi: the application.
        inline: answers requests without a task.
        settings: they name the proxies and the URL of the service.
        paths: of all operations.
    """
    if settings.base_url or settings.trusted_proxies:
        asgi = mounted = BasePathMiddleware(asgi, settings.prefix, settings.base_url, paths)
        inline = _corrected_first(lambda scope, _fields: mounted.corrected(scope), inline)
    if settings.trusted_proxies:
        asgi = forwarded = ForwardedMiddleware(asgi, settings.trusted_proxies)
        inline = _corrected_first(forwarded.corrected, inline)
    if settings.has_accounts:  # without them, requests through proxies are refused
        asgi = IgnoredForwardedMiddleware(asgi, settings.trusted_proxies)
    return asgi, inline


def _corrected_first(corrected: Callable[[Scope, FieldsByName], Scope], inline: Inline) -> Inline:
    """The inline responses, with the scope that a middleware corrects."""
    return lambda scope, fields: inline(corrected(scope, fields), fields)
