"""Wrong passwords of an attacker do not lock the user out."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, admin_of, make_user
from tests.http.asking import assert_problem
from tests.limited import at, limited_server
from tests.server import Server

TRIES = 2
LOOSE = 10 * TRIES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind a proxy, so that one test machine has many addresses."""
    with limited_server(
        tmp_path_factory.mktemp("logins") / "data",
        rate_limit_login=f"1/h burst {TRIES}",
    ) as shared:
        yield shared


@pytest.fixture(scope="module")
def admin(server: Server) -> Account:
    """The admin of the server."""
    return admin_of(server)


def ask(server: Server, address: str, **form: str) -> httpx2.Response:
    """Request tokens from an address."""
    return server.client.post("/api/v1/auth/token", data=form, headers=at(address))


def log_in(server: Server, name: str, address: str, password: str = PASSWORD) -> httpx2.Response:
    """Try a password from an address."""
    return ask(server, address, username=name, password=password)


def attack(server: Server, name: str, addresses: list[str]) -> list[int]:
    """Send wrong passwords, one from each address; returns the responses."""
    return [log_in(server, name, address, "wrong").status_code for address in addresses]


def test_one_address_locks_no_user_out(server: Server, admin: Account) -> None:
    """Earlier, ten wrong passwords and one more every six seconds did."""
    make_user(server, admin, "ann", password=PASSWORD)

    statuses = attack(server, "ann", ["203.0.113.1"] * 40)

    assert statuses == [401] * TRIES + [429] * (40 - TRIES)
    assert log_in(server, "ann", "198.51.100.1").status_code == 200
    assert_problem(log_in(server, "ann", "203.0.113.1"), 429, "rate_limited")


@pytest.mark.breadth
def test_a_network_of_ipv6_locks_no_user_out(server: Server, admin: Account) -> None:
    """A customer has 2^64 addresses, which count as one address."""
    make_user(server, admin, "bob", password=PASSWORD)

    statuses = attack(server, "bob", [f"2001:db8:0:1::{number:x}" for number in range(1, 41)])

    assert statuses == [401] * TRIES + [429] * (40 - TRIES)
    assert log_in(server, "bob", "2001:db8:0:2::1").status_code == 200


@pytest.mark.breadth
def test_many_addresses_are_slowed_down_and_a_known_one_still_gets_in(
    server: Server, admin: Account
) -> None:
    """The address had sent the correct password or a refresh token before."""
    make_user(server, admin, "cleo", password=PASSWORD)
    tokens = log_in(server, "cleo", "198.51.100.2").json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert ask(server, "198.51.100.3", **form).status_code == 200

    botnet = [f"203.0.113.{number}" for number in range(50, 50 + LOOSE + 10)]
    statuses = attack(server, "cleo", botnet)

    assert statuses == [401] * (LOOSE - 1) + [429] * 11
    assert_problem(log_in(server, "cleo", "198.51.100.4"), 429, "rate_limited")
    assert log_in(server, "cleo", "198.51.100.2").status_code == 200
    assert log_in(server, "cleo", "198.51.100.3").status_code == 200


@pytest.mark.breadth
def test_attempts_with_other_names_lock_out_no_user_of_the_same_address(
    server: Server, admin: Account
) -> None:
    """Many users share an address; few attempts are allowed for names that are unknown there."""
    make_user(server, admin, "dan", password=PASSWORD)
    assert log_in(server, "dan", "198.51.100.5").status_code == 200

    statuses = [
        log_in(server, f"name{number}", "198.51.100.5", "wrong").status_code for number in range(9)
    ]

    assert statuses == [401] * (TRIES - 1) + [429] * (10 - TRIES)
    assert log_in(server, "dan", "198.51.100.5").status_code == 200


def test_a_known_address_may_not_guess_either(server: Server, admin: Account) -> None:
    """This holds for every spelling of the name."""
    make_user(server, admin, "eve", password=PASSWORD)
    assert log_in(server, "eve", "198.51.100.6").status_code == 200

    statuses = [
        log_in(server, name, "198.51.100.6", "wrong").status_code
        for name in ("eve", "EVE", "Eve", "eve", "eve")
    ]

    assert statuses == [401] * (TRIES - 1) + [429] * (6 - TRIES)
