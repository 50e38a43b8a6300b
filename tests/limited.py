"""A server that trusts the address in a header: one test has many addresses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.server import Server


@contextlib.contextmanager
def limited_server(place: Path, **settings: Any) -> Iterator[Server]:
    """A server with accounts behind a proxy, with these limits."""
    server = Server(place, auth="required", trusted_proxies='["127.0.0.0/8"]', **settings).start()
    yield server
    server.close()


def at(address: str) -> dict[str, str]:
    """The header of a request from an address."""
    return {"x-forwarded-for": address}
