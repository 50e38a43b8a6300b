"""The framing of requests and answers on the socket between the server and a worker."""

from __future__ import annotations

import struct

REQUEST_HEAD = struct.Struct("!I")
"""Bytes of the pickle that follows."""
REPLY_HEAD = struct.Struct("!II")
"""Bytes of the JSON and of the body that follow."""
FILE_WANTED = "file_wanted"
"""A worker's message that requests a file for a large output."""
FILE_GIVEN, FILE_REFUSED = b"+", b"-"
"""The response of the server; the first with the descriptor."""
