"""Sockets that another process has opened: systemd, or a program that restarts the server.

They stay open while the server is replaced, so that connections wait and none is refused.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, Sequence

from imagesvc.server.listening.addresses import CannotListen

FIRST = 3
"""The first descriptor after standard input, output and error (sd_listen_fds(3))."""
FROM_SYSTEMD = "systemd"


def inherited_sockets(named: str, environment: Mapping[str, str]) -> list[socket.socket]:
    """The sockets of the setting `fd`: numbers of descriptors, or those that systemd passes.

    Raises:
        CannotListen: a descriptor is no stream socket, or systemd has passed none.
    """
    numbers: Sequence[int]
    if named == FROM_SYSTEMD:
        numbers = _passed(environment)
    else:
        numbers = [int(number) for number in named.split(",")]
    return [_socket(number) for number in numbers]


def _passed(environment: Mapping[str, str]) -> Sequence[int]:
    """The descriptors that systemd has passed to this process, and not to its parent."""
    count, pid = environment.get("LISTEN_FDS", ""), environment.get("LISTEN_PID", "")
    if pid != str(os.getpid()) or not count.isdigit() or int(count) < 1:
        raise CannotListen(
            "fd = systemd: no sockets were passed (LISTEN_FDS, LISTEN_PID). Start the service by "
            "its socket unit, or choose an address with IMAGESVC_HOST and no fd."
        )
    return range(FIRST, FIRST + int(count))


def _socket(number: int) -> socket.socket:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError as error:
        raise CannotListen(f"fd: no descriptor {number} was inherited.") from error
    if not is_socket:
        raise CannotListen(f"fd: descriptor {number} is not a socket.")
    opened = socket.socket(fileno=number)
    if opened.type != socket.SOCK_STREAM or opened.family not in {
        socket.AF_INET, socket.AF_INET6, socket.AF_UNIX,
    }:  # fmt: skip
        opened.detach()
        raise CannotListen(f"fd: descriptor {number} is not a stream socket of IP or Unix.")
    os.set_inheritable(number, False)  # workers must not keep it
    return opened
