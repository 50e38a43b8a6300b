"""A PostgreSQL of Debian's package, started for the tests in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, create_engine, text

PROGRAMS = Path("/usr/lib/postgresql")
USER = "imagesvc"
OPTIONS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c max_connections=200"
"""Its data need not survive the machine, and clients use its socket."""


class Postgres:
    """A running server, and its databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def make(self, name: str, fill: Callable[[Connection], None]) -> None:
        """A database with what a function makes in it."""
        self._execute(f"CREATE DATABASE {name}")
        engine = create_engine(self.url(name))
        with engine.begin() as connection:
            fill(connection)
        engine.dispose()

    @contextlib.contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """The URL of a copy of a database, for one test."""
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextlib.contextmanager
def started() -> Iterator[Postgres]:
    """A server of its own, not run by root: PostgreSQL refuses that."""
    programs = max(PROGRAMS.glob("*/bin"), default=None)
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            nobody = pwd.getpwnam(user)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs / program, "-D", folder / "data", *arguments],
                check=True,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                user=user,
            )

        run("initdb", "--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} {OPTIONS}", "start")
        try:
            yield Postgres(folder)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
