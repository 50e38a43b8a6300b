"""What connections may send, how slowly, and how many there may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from imagesvc.server import descriptors
from imagesvc.server.middleware.forwarded import is_within
from imagesvc.settings.settings import Settings

log = structlog.get_logger()

MAX_HEADER_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a connection."""

    header_seconds: float
    send_seconds: float
    header_bytes: int
    header_count: int
    url_bytes: int
    connections: int
    lingering: int
    """Refused connections beyond the limit that may continue sending for a moment."""
    connections_per_address: int
    unsent_bytes: int
    is_proxy: Callable[[str], bool]
    """Whether an address is that of a trusted proxy, which connects for many clients."""


def connection_bounds(settings: Settings) -> Bounds:
    """The limits of a connection from the settings."""
    return Bounds(
        header_seconds=settings.header_timeout,
        send_seconds=settings.send_timeout,
        header_bytes=settings.max_header_size,
        header_count=MAX_HEADER_FIELDS,
        url_bytes=settings.max_url_size,
        connections=settings.max_connections,
        lingering=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        unsent_bytes=settings.max_unsent_size,
        is_proxy=lambda address: is_within(address, settings.trusted_proxies),
    )


def fitting_bounds(settings: Settings) -> tuple[Bounds, int]:
    """The limits of connections that the limit of open files permits, and the backlog.

    Raises:
        TooFewDescriptors: it permits next to none.
    """
    limit = descriptors.raise_limit()
    room = descriptors.room_for(settings.max_connections, settings.workers, limit)
    if room.connections < settings.max_connections:
        log.warning(
            "max_connections is lowered to what the limit of open files (ulimit -n) has room for",
            action="connection.limit",
            connections=room.connections,
            open_files=limit,
        )
    bounds = connection_bounds(settings)
    bounds = replace(bounds, connections=room.connections, lingering=room.backlog)
    return bounds, room.backlog
