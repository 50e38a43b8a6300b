"""A database that can open no file is unavailable.

This is temporary, and not a bug of a request.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, os, resource, sys
from pathlib import Path
from sqlalchemy import text
from imagesvc.logs import configure_logs
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate

configure_logs("json", "info")  # to standard error
path = Path(sys.argv[1])
migrate(path)

async def outcome(room):
    database = EmbeddedDatabase(path)
    await database.write(lambda connection: connection.execute(text("DELETE FROM jobs")))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free() + room, limits[1]))
    try:
        await database.read(lambda connection: connection.scalar(text("SELECT count(*) FROM jobs")))
        return "ok"
    except Exception as error:
        return f"{type(error).__name__} {getattr(error, 'status', 500):d}"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await database.read(lambda connection: connection.scalar(text("SELECT 1")))
        await database.close()

def first_free():
    fd = os.dup(2)
    os.close(fd)
    return fd

for room in range(8):
    print(asyncio.run(outcome(room)))
"""


def test_a_lack_of_descriptors_makes_the_database_unavailable(tmp_path: Path) -> None:
    """This holds for each of its files: the database, its log, or the index of the log."""
    script = [sys.executable, "-c", SCRIPT, str(tmp_path / "imagesvc.db")]

    done = subprocess.run(script, capture_output=True, text=True, check=False)

    outcomes = done.stdout.splitlines()
    assert set(outcomes) == {"ok", "Unavailable 503"}, done.stdout + done.stderr
    assert outcomes[0] == "Unavailable 503"
    assert outcomes[-1] == "ok"
