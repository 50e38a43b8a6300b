"""Fixtures of the tests over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.people import People, people_of
from tests.server import Server


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The people of one server with accounts, for tests that only add to it."""
    directory = tmp_path_factory.mktemp("people") / "data"
    server = Server(
        directory, auth="required", rate_limits="off", default_visibility="public"
    ).start()
    yield people_of(server)
    server.close()
