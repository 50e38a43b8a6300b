"""The log-in at an identity provider in a browser: there and back, and a log-in that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.pages import NARROW, Visits, axe_violations, url_of
from tests.identity_provider import CLIENT, SECRET, running_provider
from tests.server import Server


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where browsers log in at a provider."""
    with running_provider() as issuer:
        server = Server(
            tmp_path_factory.mktemp("members") / "data", auth="required", rate_limits="off",
            oidc_issuer=issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
        )  # fmt: skip
        server.settings["public_url"] = f"http://127.0.0.1:{server.port}"
        yield server.start()
        server.close()


def test_a_user_of_the_provider_comes_to_the_page_and_has_no_password(
    members: Server, visits: Visits
) -> None:
    """Without a form, and from the page that was asked for; the account says how to log in."""
    page = visits.open(members, "/account")

    page.get_by_role("link", name="Log in at 127.0.0.1").click()

    expect(page).to_have_url(url_of(members, "/account"))
    expect(page.locator(".profile-name")).to_contain_text("127.0.0.1:")
    expect(page.locator("#password-note")).to_contain_text("identity provider")
    expect(page.locator("#password")).to_be_hidden()


@pytest.mark.breadth
def test_a_log_in_that_fails_is_a_page(members: Server, visits: Visits) -> None:
    """It leads to the log-in; neither it nor the log-in violates a rule of accessibility."""
    visits.expect_error("403")
    page = visits.open(members, "/auth/oidc/callback?code=a&state=b", viewport=NARROW)
    alert = page.get_by_role("alert")

    expect(alert.get_by_role("heading")).to_have_text("The log-in failed")
    expect(alert).to_contain_text("did not begin in this browser")
    expect(alert).to_contain_text("Request ")
    assert axe_violations(page) == []
    alert.get_by_role("link", name="To the log-in").click()

    expect(page).to_have_url(url_of(members, "/login"))
    expect(page.get_by_role("link", name="Log in at 127.0.0.1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert axe_violations(page) == []
