"""A rogue worker in a container that refuses seccomp."""

from __future__ import annotations

import os

from imagesvc.workers.sandbox.seccomp import SECCOMP
from tests.attack.workers import rogue
from tests.attack.workers.refusing import refuse

if __name__ == "__main__":
    refuse(SECCOMP[os.uname().machine])
    rogue.run()
