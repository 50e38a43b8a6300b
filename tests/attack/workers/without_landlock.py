"""A rogue worker in a container that refuses Landlock."""

from __future__ import annotations

from imagesvc.workers.sandbox.landlock import CREATE_RULESET
from tests.attack.workers import rogue
from tests.attack.workers.refusing import refuse

if __name__ == "__main__":
    refuse(CREATE_RULESET)
    rogue.run()
