"""Which sockets a server has by its settings, and the URL of each."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from urllib.parse import quote

from imagesvc.server.listening.addresses import CannotListen, bound_sockets, local_url
from imagesvc.server.listening.inherited import inherited_sockets
from imagesvc.server.listening.unix import unix_socket
from imagesvc.settings.settings import Settings
from imagesvc.syntax.hosts import is_loopback, split_hosts


def sockets_of(settings: Settings) -> list[socket.socket]:
    """The inherited sockets, the Unix socket, or those of the addresses; they do not listen yet.

    Inherited ones listen already.

    Raises:
        CannotListen: one of them cannot be used.
    """
    if settings.fd != "off":
        sockets = inherited_sockets(settings.fd, os.environ)
        if not settings.has_accounts:
            _check_local(sockets)
        return sockets
    if settings.uds is not None:
        return [unix_socket(settings.uds, settings.uds_permissions)]
    return bound_sockets(split_hosts(settings.host), settings.port)


def url_of(listening: socket.socket) -> str:
    """The URL by which programs on this machine reach a socket."""
    if listening.family == socket.AF_UNIX:
        return f"http+unix://{quote(os.fsdecode(listening.getsockname()), safe='')}"
    host, port = listening.getsockname()[:2]
    return local_url(host, port)


def _check_local(sockets: Sequence[socket.socket]) -> None:
    """Check that only this machine reaches inherited sockets, as `host` is checked.

    Raises:
        CannotListen: another machine may reach one, and there are no accounts.
    """
    for opened in sockets:
        if opened.family != socket.AF_UNIX and not is_loopback(opened.getsockname()[0]):
            raise CannotListen(
                f"fd: refusing to listen on {opened.getsockname()[0]} without accounts. "
                "Set IMAGESVC_AUTH=required."
            )
