"""Fixtures of the tests over HTTP.

A module with the marker `joint` looks only at what its own requests make: it shares `server` and
`people` with the other modules that have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.people import People, people_of
from tests.server import Server


def open_to_all(directory: Path) -> Server:
    """A server without accounts."""
    return Server(directory).start()


def with_accounts(directory: Path) -> Server:
    """A server with accounts, whose images are public unless their users say otherwise."""
    return Server(
        directory, auth="required", rate_limits="off", default_visibility="public"
    ).start()


@pytest.fixture(scope="package")
def joint_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of joint modules."""
    shared = open_to_all(tmp_path_factory.mktemp("joint") / "data")
    yield shared
    shared.close()


@pytest.fixture(scope="package")
def joint_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The people of joint modules."""
    shared = with_accounts(tmp_path_factory.mktemp("joint-people") / "data")
    yield people_of(shared)
    shared.close()


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for the tests of a module that only add data."""
    if request.node.get_closest_marker("joint"):
        yield request.getfixturevalue("joint_server")
    else:
        own = open_to_all(tmp_path_factory.mktemp("shared") / "data")
        yield own
        own.close()


@pytest.fixture(scope="module")
def people(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[People]:
    """The people of one server with accounts, for tests that only add to it."""
    if request.node.get_closest_marker("joint"):
        yield request.getfixturevalue("joint_people")
    else:
        own = with_accounts(tmp_path_factory.mktemp("people") / "data")
        yield people_of(own)
        own.close()
