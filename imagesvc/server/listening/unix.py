"""A Unix socket, with the mode that the operator wants."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

from imagesvc.errors import text_of
from imagesvc.server.listening.addresses import CannotListen

MAX_PATH_BYTES = 107
"""Of `sun_path`, with its end (unix(7))."""


def unix_socket(path: Path, mode: int) -> socket.socket:
    """A socket bound to a path, which does not listen yet.

    A socket at which no process listens is replaced: a server leaves its own when it ends.

    Raises:
        CannotListen: the path is in use, too long, or cannot be written.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise CannotListen(f"uds: {path} is longer than {MAX_PATH_BYTES} bytes.")
    _remove_unused(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(opened.fileno(), mode)  # before it has a path: never more than the mode
        opened.bind(str(path))
        path.chmod(mode)  # the umask has removed bits
    except OSError as error:
        opened.close()
        raise CannotListen(f"cannot listen on {path}: {text_of(error)}.") from error
    return opened


def _remove_unused(path: Path) -> None:
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return  # there is none; `bind` names other errors
    if not is_socket:
        raise CannotListen(f"uds: {path} exists, and is not a socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        refused = trial.connect_ex(str(path))
    if refused == errno.ECONNREFUSED:
        path.unlink(missing_ok=True)
    else:
        raise CannotListen(f"uds: another process listens on {path}.")
