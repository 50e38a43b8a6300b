"""A browser for the tests in this folder, and pages that report every error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.contexts import Contexts
from tests.browser.pages import Visits
from tests.chromium import chromium
from tests.conftest import MakeServer
from tests.server import Server
from tests.waiting import PATIENCE

expect.set_options(timeout=PATIENCE * 1000)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="package")
def contexts() -> Iterator[Contexts]:
    """Contexts of headless Chromium.

    It ends before tests of other folders: the event loop of Playwright would keep others of the
    thread from running.
    """
    program = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield Contexts(launched)
        launched.close()


@pytest.fixture
def visits(contexts: Contexts, make_server: MakeServer) -> Iterator[Visits]:
    """Opens pages; at the end of the test, none of them may have reported an error.

    They are left before the servers that the test has made: a page whose server ends reports it.
    """
    del make_server  # only its end has to come later
    made = Visits(contexts)
    yield made
    made.close()
    assert made.errors == []


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts, for the tests of a module."""
    server = Server(tmp_path_factory.mktemp("gallery") / "data").start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts, below a path, for the tests of a module."""
    place = tmp_path_factory.mktemp("members") / "data"
    server = Server(
        place, auth="required", base_path="/photos", rate_limits="off",
        webhook_allow='["127.0.0.1/32"]',
    ).start()  # fmt: skip
    yield server
    server.close()
