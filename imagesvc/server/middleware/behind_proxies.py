"""The middleware that proxies in front need, in the order in which it corrects requests."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp

from imagesvc.delivery.hot import AtOnce
from imagesvc.server.middleware.base_path import BasePathMiddleware
from imagesvc.server.middleware.forwarded import ForwardedMiddleware
from imagesvc.server.middleware.ignored_forwarded import IgnoredForwardedMiddleware
from imagesvc.settings import Settings


def behind_proxies(
    asgi: ASGIApp, at_once: AtOnce, settings: Settings, paths: Sequence[str]
) -> tuple[ASGIApp, AtOnce]:
    """An application for requests as the proxies in front send them, if there are any.

    Args:
        asgi: the application.
        at_once: what it answers without a task.
        settings: they name the proxies and the URL of the service.
        paths: of all operations.
    """
    if settings.base_url or settings.trusted_proxies:
        asgi = mounted = BasePathMiddleware(asgi, settings.prefix, settings.base_url, paths)
        at_once = _corrected_first(mounted, at_once)
    if settings.trusted_proxies:
        asgi = forwarded = ForwardedMiddleware(asgi, settings.trusted_proxies)
        at_once = _corrected_first(forwarded, at_once)
    if settings.has_accounts:  # without them, requests through proxies are refused
        asgi = IgnoredForwardedMiddleware(asgi, settings.trusted_proxies)
    return asgi, at_once


def _corrected_first(
    middleware: BasePathMiddleware | ForwardedMiddleware, at_once: AtOnce
) -> AtOnce:
    """What is answered at once, asked with the scope that a middleware corrects."""
    return lambda scope: at_once(middleware.corrected(scope))
