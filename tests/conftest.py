"""Fixtures that every test may use."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest
from xdist.remote import Producer

from imagesvc.store.db.database import Database
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.migrate import migrate as migrate_shared
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate
from tests import commands, databases
from tests.accounts import Account, admin_of
from tests.postgres import Postgres, started
from tests.radosgw import CREDENTIALS, Radosgw, shared_radosgw
from tests.scheduling import ByFile, ordered
from tests.server import Server

EMPTY = "empty"
"""The database that others are copies of."""

# The same examples each time, at any speed: what fails a change is in the change.
hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize="RANDOM_EXAMPLES" not in os.environ,
    max_examples=100 if "ALL_EXAMPLES" in os.environ else 25,
)
hypothesis.settings.load_profile("repeatable")

# NumPy reads it when it loads. Its threads would wait for each other: tests run in parallel.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# Thousands of tests are objects that stay: the collector would visit them again and again.
gc.set_threshold(100_000, 50, 50)

# A shell ignores these in what it starts in the background, and processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(ignored, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    """Start what the processes of a parallel run share: loading imagesvc takes a while."""
    if config.getoption("numprocesses", None):
        commands.share_fork_server()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import the modules of tests, each process of a parallel run beginning at another one.

    In a fresh clone, each module is thus compiled by one process, and not by all at once.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    root = session.config.rootpath
    paths = [
        path.resolve().relative_to(root).with_suffix("")
        for place in session.config.args
        for path in sorted(Path(place).rglob("test_*.py"))
    ]
    first = len(paths) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for path in paths[first:] + paths[:first]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # its collection reports it
            importlib.import_module(".".join(path.parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files in an order in which a parallel run ends soon, and mark what it leaves out."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    items[:] = [item for path in ordered(files) for item in files[path]]
    for option, marker, reason in (
        ("--shared-database", "embedded", "what only the database of a data directory does"),
        ("--shared-blobs", "files", "what only originals in files do"),
    ):
        if items and items[0].config.getoption(option):
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(optionalhook=True)  # without xdist there is none
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    """Have the tests sent to processes as `ByFile` says."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """Leave what was collected out of the rounds of the garbage collector."""
    gc.freeze()


class MakeServer(Protocol):
    """Starts a new server, with settings as keyword arguments."""

    def __call__(self, **settings: Any) -> Server:
        """The running server."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the database that servers have."""
    parser.addoption("--shared-database", action="store_true", help="servers use PostgreSQL")
    parser.addoption("--shared-blobs", action="store_true", help="and a bucket, besides")


@pytest.fixture(scope="session", autouse=True)
def shared_databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """If they are wanted, a database of PostgreSQL for each server of the tests."""
    if request.config.getoption("--shared-database"):
        postgres: Postgres = request.getfixturevalue("postgres")
        new_url = None
        if request.config.getoption("--shared-blobs"):
            new_url = request.getfixturevalue("radosgw").new_url
            os.environ.update(CREDENTIALS)
        with databases.used(lambda: postgres.copy(EMPTY), postgres.drop, new_url):
            yield
    else:
        yield


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Servers for one test, each with its own data directory, stopped at its end."""
    servers: list[Server] = []

    def make(**settings: Any) -> Server:
        server = Server(tmp_path / f"data{len(servers)}", **settings)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module that only add data."""
    shared = Server(tmp_path_factory.mktemp("shared") / "data").start()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with accounts for the tests of a module that send many requests."""
    place = tmp_path_factory.mktemp("guarded") / "data"
    allowed = '["127.0.0.1/32"]'
    shared = Server(
        place,
        auth="required",
        rate_limits="off",
        workers=1,
        webhook_allow=allowed,
        default_visibility="public",
    ).start()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def admin(guarded: Server) -> Account:
    """The admin of the server."""
    return admin_of(guarded)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL, with an empty database to copy."""
    with started() as server:
        server.make(EMPTY, migrate_shared)
        yield server


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radosgw]:
    """A service with the interface of S3, which the processes of a test run share."""
    folder = tmp_path_factory.getbasetemp()
    place = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with shared_radosgw(place / "radosgw") as service:
        yield service


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty database of SQLite, to copy: making it takes most of a short test."""
    path = tmp_path_factory.mktemp("migrated") / "imagesvc.db"
    migrate(path)
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.cluster)])
async def database(
    tmp_path: Path, migrated: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        opened: Database = EmbeddedDatabase(Path(shutil.copy(migrated, tmp_path)))
        yield opened
        await opened.close()
        return
    with request.getfixturevalue("postgres").copy_of(EMPTY) as url:
        opened = PostgresDatabase(url)
        yield opened
        await opened.close()


@pytest.fixture
async def embedded(tmp_path: Path, migrated: Path) -> AsyncIterator[EmbeddedDatabase]:
    """An empty database of SQLite, for tests of what only that does."""
    opened = EmbeddedDatabase(Path(shutil.copy(migrated, tmp_path)))
    yield opened
    await opened.close()


@pytest.fixture
def stocked(stock: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with a copy of the module's `stock`, not yet started."""
    server = Server(Path(shutil.copytree(stock, tmp_path / "data")))
    yield server
    server.close()
