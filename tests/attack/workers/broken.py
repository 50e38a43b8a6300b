"""A rogue worker whose libraries need a system call that the filter refuses: it is killed."""

from __future__ import annotations

import os
import sys

from tests.attack.workers import rogue

if __name__ == "__main__":
    if "seccomp" in sys.argv:
        os.abort()
    rogue.run()
