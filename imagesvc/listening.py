"""Check the address to listen on before anything is started or stored."""

from __future__ import annotations

import errno
import os
import socket

REASONS = {errno.EADDRINUSE, errno.EACCES}
"""Other errors may concern one of several addresses only; the event loop reports them."""


class CannotListen(Exception):
    """The address or port cannot be used."""


def check_address(host: str, port: int) -> None:
    """Bind every address of `host` for a moment.

    Raises:
        CannotListen: the name has no address, or a port is in use or not permitted.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _name, address in found:
            _bind(family, kind, protocol, address)
    except socket.gaierror as error:
        raise CannotListen(
            f"cannot listen on {host}: {error.strerror}. "
            "Choose another address with --host or IMAGESVC_HOST."
        ) from error
    except OSError as error:
        if error.errno not in REASONS:
            return
        reason = os.strerror(error.errno).lower()
        raise CannotListen(
            f"cannot listen on {host}, port {port}: {reason}. "
            "Choose another port with --port or IMAGESVC_PORT."
        ) from error


def _bind(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> None:
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)
