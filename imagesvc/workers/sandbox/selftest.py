"""The self-test of a restricted worker: acts that must be refused, and work that must succeed."""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable, Mapping


def allowed_acts() -> list[str]:
    """The forbidden acts that this process may still do, by name."""
    return [name for name, act in ACTS.items() if _succeeds(act)]


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def _read_file() -> None:
    os.close(os.open(__file__, os.O_RDONLY))


def _write_file() -> None:
    os.close(os.open(os.devnull, os.O_WRONLY))


def _read_server() -> None:
    os.close(os.open(f"/proc/{os.getppid()}/environ", os.O_RDONLY))


def _open_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()


def _start_process() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _signal_server() -> None:
    os.kill(os.getppid(), 0)


def _make_code() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()


ACTS: Mapping[str, Callable[[], object]] = {
    "read files": _read_file,
    "write files": _write_file,
    "read the server": _read_server,
    "open sockets": _open_socket,
    "start processes": _start_process,
    "signal the server": _signal_server,
    "make code": _make_code,
}
