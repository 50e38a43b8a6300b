"""A rogue worker of a user without privileges, regardless of who runs the tests."""

from __future__ import annotations

import os

from imagesvc.imaging import (
    handlers,  # noqa: F401  # with all that they import
    warmup,
)
from tests.attack.workers import rogue

NOBODY = 65534

if __name__ == "__main__":
    warmup.warm_up()  # as that user, the interpreter's own files may be out of reach
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    rogue.run()
