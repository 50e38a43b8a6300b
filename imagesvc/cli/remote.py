"""A client of a running service, for commands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagesvc.errors import Unavailable

if TYPE_CHECKING:
    from imagesvc.client import Client


@contextlib.contextmanager
def client_of(to: str, key: str | None) -> Iterator[Client]:
    """A client of the service at a URL, closed at the end.

    Raises:
        Unavailable: it cannot be reached.
    """
    import httpx2  # noqa: PLC0415  # a server's start needs no HTTP client

    from imagesvc.cli.uploads.failures import described  # noqa: PLC0415  # the same
    from imagesvc.client import Client  # noqa: PLC0415  # the same

    with Client(to, key=key) as client:
        try:
            yield client
        except httpx2.TransportError as error:
            raise Unavailable(described(error, to)) from error
