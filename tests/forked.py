"""`imagesvc` in shell scripts of tests: a copy of the fork server whose socket it inherits.

It loads little, and so takes a small part of the time of `python -m imagesvc`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys

REPORT = struct.Struct("!i")  # that of tests/forkserver.py, which loads imagesvc


def main(requests: socket.socket, arguments: list[str]) -> int:
    """Run a command in this directory, environment and streams; returns its exit status."""
    reports, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {
        "arguments": arguments, "environment": dict(os.environ),
        "directory": os.getcwd(),  # noqa: PTH109  # pathlib takes a while to load
    }  # fmt: skip
    with theirs:
        socket.send_fds(requests, [json.dumps(request).encode()], [theirs.fileno(), 0, 1, 2])
    reports.recv(REPORT.size)  # its process id
    (status,) = REPORT.unpack(reports.recv(REPORT.size))
    return int(status) if status >= 0 else 128 - int(status)


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]))
