"""Fixtures of the tests over HTTP.

A module with the marker `joint` looks only at what its own requests make: it shares the servers of
`server`, `guarded` and `people` with the other modules that have it, in one process of a parallel
run. Its users are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.accounts import admin_of
from tests.http.people import People, people_of
from tests.server import Server
from tests.waiting import until

USERS = "/api/v1/users"
FORMER = "former-"


def open_to_all(directory: Path) -> Server:
    """A server without accounts."""
    return Server(directory).start()


def with_accounts(directory: Path) -> Server:
    """A server with accounts, whose images are public unless their users say otherwise."""
    return Server(
        directory, auth="required", rate_limits="off", default_visibility="public",
        webhook_allow='["127.0.0.1/32"]',
    ).start()  # fmt: skip


@pytest.fixture(scope="session")
def joint_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of joint modules."""
    shared = open_to_all(tmp_path_factory.mktemp("joint") / "data")
    yield shared
    shared.close()


@pytest.fixture(scope="session")
def joint_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server with accounts of joint modules."""
    shared = with_accounts(tmp_path_factory.mktemp("joint-guarded") / "data")
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for the tests of a module that only add data."""
    if request.node.get_closest_marker("joint"):
        shared: Server = request.getfixturevalue("joint_server")
        until(lambda: is_idle(shared.client))
        yield shared
    else:
        own = open_to_all(tmp_path_factory.mktemp("shared") / "data")
        yield own
        own.close()


@pytest.fixture(scope="module")
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server with accounts for the tests of a module."""
    if request.node.get_closest_marker("joint"):
        shared: Server = request.getfixturevalue("joint_guarded")
        client = admin_of(shared).client
        until(lambda: is_idle(client))
        yield shared
        rename_users(client)
    else:
        own = with_accounts(tmp_path_factory.mktemp("guarded") / "data")
        yield own
        own.close()


@pytest.fixture(scope="module")
def people(guarded: Server) -> People:
    """The people of the server with accounts."""
    return people_of(guarded)


def is_idle(admin: httpx2.Client) -> bool:
    """Whether no job waits or runs: each may store a further file."""
    counts = admin.get("/api/v1/jobs/summary").json()["counts"]
    return not counts["pending"] + counts["processing"]


def rename_users(admin: httpx2.Client) -> None:
    """Free the names of the users that a module has made."""
    own, url = admin.get(f"{USERS}/me").json()["id"], f"{USERS}?limit=200"
    while url:
        page = admin.get(url)
        for user in page.json()["data"]:
            if user["id"] != own and not user["name"].startswith(FORMER):
                renamed = {"name": f"{FORMER}{user['id']}"}
                admin.patch(f"{USERS}/{user['id']}", json=renamed).raise_for_status()
        url = page.links.get("next", {}).get("url", "")
