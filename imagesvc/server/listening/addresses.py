"""Sockets of IP addresses, which are bound before the service starts."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address

EVERYWHERE = ("::", "0.0.0.0")  # noqa: S104  # where the operator asks for it
BOTH_FAMILIES = {"::": EVERYWHERE}
REASONS = {errno.EADDRINUSE, errno.EACCES}
"""Other errors may concern one family of a name's addresses, such as IPv6 on a host without it."""
IPV4 = 4


class CannotListen(Exception):
    """The address or port cannot be used."""


def bound_sockets(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each address of some names, all with one port; `::` is every address.

    They do not listen yet: until the service is ready, connections are refused.

    Raises:
        CannotListen: a name has no address of this machine, or a port is in use or not permitted.
    """
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            _add(sockets, host, port)
    except CannotListen:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _add(sockets: list[socket.socket], host: str, port: int) -> None:
    """Bind the addresses of a host to the port of the existing sockets."""
    count = len(sockets)
    for name in BOTH_FAMILIES.get(host, (host,)):
        sockets += _bound(name, sockets[0].getsockname()[1] if sockets else port)
    if len(sockets) == count:
        raise CannotListen(_cannot(host, port, "this machine has no such address"))


def _bound(host: str, port: int) -> list[socket.socket]:
    sockets = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListen(
            f"cannot listen on {host}: {error.strerror}. "
            "Choose another address with --host or IMAGESVC_HOST."
        ) from error
    for family, kind, protocol, _name, address in found:
        opened = None
        try:
            opened = socket.socket(family, kind, protocol)
            _bind(opened, (address[0], port, *address[2:]))
        except OSError as error:
            if opened is not None:
                opened.close()
            if error.errno in REASONS:
                reason = os.strerror(error.errno or 0).lower()
                raise CannotListen(_cannot(host, port, reason)) from error
        else:
            sockets.append(opened)
            port = opened.getsockname()[1]
    return sockets


def _bind(opened: socket.socket, address: tuple[object, ...]) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if opened.family == socket.AF_INET6:  # the other family has a separate socket
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind(address)


def _cannot(host: str, port: int, reason: str) -> str:
    return (
        f"cannot listen on {host}, port {port}: {reason}. "
        "Choose another port with --port or IMAGESVC_PORT, or address with --host or IMAGESVC_HOST."
    )


def local_url(host: str, port: int) -> str:
    """The URL by which programs on this machine reach a listening socket."""
    if (address := ip_address(host)).is_unspecified:
        address = ip_address("127.0.0.1" if address.version == IPV4 else "::1")
    return f"http://{address}:{port}" if address.version == IPV4 else f"http://[{address}]:{port}"
