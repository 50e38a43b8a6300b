"""How often one may ask, and how much one may keep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.accounts import Account, admin_of
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture
from tests.limited import at, limited_server
from tests.server import Server
from tests.waiting import until

ONE_MORE_SECONDS = 3
"""Until an address that has used its burst may ask once more."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind a proxy, so that one test machine has many addresses."""
    with limited_server(
        tmp_path_factory.mktemp("limits") / "data",
        rate_limits="on",
        rate_limit_anonymous="20/m burst 5",
        rate_limit_render="1/h burst 3",
    ) as shared:
        yield shared


@pytest.fixture(scope="module")
def admin(server: Server) -> Account:
    """Its admin."""
    return admin_of(server)


def fetch(server: Server, address: str, path: str) -> httpx2.Response:
    """GET as a stranger at an address."""
    return server.client.get(path, headers=at(address))


def ask(server: Server, address: str) -> httpx2.Response:
    """Ask for what anybody may, and what is counted."""
    return server.client.post("/api/v1/auth/revoke", data={"token": "none"}, headers=at(address))


def uploaded(admin: Account, seed: int) -> str:
    """The id of a new image that strangers may see."""
    answer = admin.client.post(
        "/images", files={"file": ("a.jpg", picture(seed))}, data={"visibility": "public"}
    )
    assert answer.status_code == 201, answer.text
    image_id: str = answer.json()["id"]
    return image_id


def test_too_many_requests_of_an_address_get_retry_after(server: Server) -> None:
    """And when it does as it is told, it is let in."""
    addresses = (f"192.0.2.{number}" for number in range(20, 250))
    address, answers = until(lambda: asked_quickly(server, [next(addresses)] * 6))

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    remaining = [answer.headers["ratelimit-remaining"] for answer in answers]
    assert remaining == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert_problem(refused, 429, "rate_limited")
    assert refused.headers["ratelimit-limit"] == "5"
    assert 1 <= int(refused.headers["ratelimit-reset"]) <= 15
    time.sleep(int(refused.headers["retry-after"]))
    assert ask(server, address).status_code == 200


def asked_quickly(server: Server, addresses: list[str]) -> tuple[str, list[httpx2.Response]] | None:
    """The first address, and the answers to all; None if one more was allowed meanwhile."""
    began = time.monotonic()
    answers = [ask(server, address) for address in addresses]
    return (addresses[0], answers) if time.monotonic() - began < ONE_MORE_SECONDS else None


def test_an_error_has_the_rate_limit_state(server: Server) -> None:
    """What is refused is counted like what is not."""
    answer = fetch(server, "192.0.2.2", "/api/v1/images")

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["ratelimit-remaining"] == "4"


def test_a_network_of_ipv6_counts_as_one(server: Server) -> None:
    """A customer has 2^64 addresses to ask from, and one bucket."""
    networks = (f"2001:db8:0:{number:x}" for number in range(1, 250))

    def asked() -> tuple[str, list[httpx2.Response]] | None:
        network = next(networks)
        return asked_quickly(server, [f"{network}::{number}" for number in range(1, 7)])

    _, answers = until(asked)

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert ask(server, "2001:db8:0:fff::1").status_code == 200


def test_a_flood_is_let_through_up_to_the_burst(server: Server) -> None:
    """Also when all come at once."""
    began = time.monotonic()
    with ThreadPoolExecutor(16) as executor:
        statuses = list(executor.map(lambda _: ask(server, "192.0.2.3").status_code, range(60)))

    passed = statuses.count(200)
    assert 5 <= passed <= 6 + (time.monotonic() - began) / 3
    assert statuses.count(429) == 60 - passed


def test_new_variants_for_strangers_are_counted(server: Server, admin: Account) -> None:
    """Each costs a worker; what is made already costs nothing, and is sent to anybody."""
    image_id = uploaded(admin, 1)
    urls = [f"/images/{image_id}?w={width}" for width in (100, 101, 102, 103)]

    statuses = [fetch(server, "192.0.2.5", url).status_code for url in urls]

    assert statuses == [200, 200, 200, 429]
    refused = fetch(server, "192.0.2.5", urls[3])
    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 10
    assert [fetch(server, "192.0.2.5", url).status_code for url in urls[:3]] == [200] * 3
    assert fetch(server, "192.0.2.6", urls[3]).status_code == 200
    assert fetch(server, "192.0.2.5", urls[3]).status_code == 200


def test_one_that_is_refused_does_not_stop_others(server: Server, admin: Account) -> None:
    """Two may ask for one variant at the same moment, and only one of them have asked too often."""
    image_id = uploaded(admin, 2)
    for width in (100, 101, 102):
        assert fetch(server, "192.0.2.8", f"/images/{image_id}?w={width}").status_code == 200

    def both(width: int) -> int:
        url = f"/images/{image_id}?w={width}"
        with ThreadPoolExecutor(2) as executor:
            executor.submit(fetch, server, "192.0.2.8", url)
            return executor.submit(fetch, server, f"198.51.100.{width}", url).result().status_code

    assert {both(width) for width in range(200, 216)} == {200}


def test_the_metrics_count_refused_requests(server: Server, admin: Account) -> None:
    """An operator sees an attack."""
    for _ in range(8):
        ask(server, "192.0.2.9")

    metrics = admin.client.get("/metrics").text

    assert 'imagesvc_rate_limited_total{limit="address"}' in metrics


def test_health_and_pictures_are_not_counted(server: Server, admin: Account) -> None:
    """Probes must not fail because somebody asks too much."""
    image_id = uploaded(admin, 3)
    for path in ("/healthz", "/readyz", f"/images/{image_id}", "/"):
        answers = [fetch(server, "192.0.2.11", path) for _ in range(12)]

        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit-limit" not in answers[0].headers


def test_without_accounts_requests_are_not_counted(make_server: MakeServer) -> None:
    """Scripts on the same machine are not slowed down by default."""
    server = make_server(rate_limit_anonymous="1/h")

    answers = [server.client.get("/api/v1/images") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit-limit" not in answers[0].headers
