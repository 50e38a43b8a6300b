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

from sqlalchemy import Engine, create_engine, make_url, text

PROGRAMS = Path("/usr/lib/postgresql")
USER = "imagesvc"
OPTIONS = "-c fsync=off -c max_connections=200"
"""Its data need not survive the machine."""
QUOTED = "''"


class Postgres:
    """A server in a folder, not run by root: PostgreSQL refuses that."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Take its folder, and the port at which it listens besides its socket there."""
        self.folder = folder
        self.port = port
        programs = max(PROGRAMS.glob("*/bin"), default=None)
        if programs is None:
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
        self._programs = programs
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            nobody = pwd.getpwnam(self._user)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def initialize(self) -> None:
        """Make its data; the first start comes then."""
        self._run(
            "initdb", "--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"
        )

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        addresses = "" if self.port is None else f"127.0.0.1 -p {self.port}"
        options = f"-k {self.folder} {OPTIONS} -c listen_addresses={addresses or QUOTED}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def follow(self, primary: Postgres) -> None:
        """Take a copy of the data of another server, whose standby it is when it starts."""
        source = f"host=127.0.0.1 port={primary.port} user={USER}"
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-d", source)

    def promote(self) -> None:
        """Let a standby write, and wait until it does."""
        self._run("pg_ctl", "-w", "promote")

    def stop(self) -> None:
        """Stop it as a crash would, if it runs: its connections end at once."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self.folder / "data", *arguments],
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            user=self._user,
        )

    def plain_url(self, name: str) -> str:
        """The URL of a database, as in the settings."""
        port = "" if self.port is None else f"&port={self.port}"
        return f"postgresql://{USER}@/{name}?host={self.folder}{port}"

    def url(self, name: str) -> str:
        """The URL of a database, for SQLAlchemy."""
        return self.plain_url(name).replace("://", "+psycopg://", 1)

    def make(self, name: str, fill: Callable[[Engine], object]) -> None:
        """A database with what a function makes in it."""
        self._execute(f"CREATE DATABASE {name}")
        engine = create_engine(self.url(name))
        fill(engine)
        engine.dispose()

    @contextlib.contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """The URL of a copy of a database, for one test."""
        url = self.copy(template)
        yield url
        self.drop(url)

    def copy(self, template: str) -> str:
        """The URL of a copy of a database."""
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    @contextlib.contextmanager
    def copy_in(self, folder: Path, template: str) -> Iterator[str]:
        """The URL of a copy whose files are in a folder, such as on a small disk."""
        owner = self.folder.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        self._execute(
            f"CREATE DATABASE {name} TEMPLATE {template} TABLESPACE {name} STRATEGY file_copy"
        )
        yield self.url(name)
        self.drop(self.url(name))
        self._execute(f"DROP TABLESPACE {name}")

    def drop(self, url: str) -> None:
        """Remove the database of a URL, also while it is used."""
        self._execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextlib.contextmanager
def started(port: int | None = None, primary: Postgres | None = None) -> Iterator[Postgres]:
    """A server of its own, or a standby of another one."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        server = Postgres(Path(name), port)
        if primary is None:
            server.initialize()
        else:
            server.follow(primary)
        server.start()
        try:
            yield server
        finally:
            server.stop()
