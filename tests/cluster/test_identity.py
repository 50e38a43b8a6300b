"""Users, their credentials and attempts to log in: what one node has changed, all know."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, admin_of, client_of, log_in, make_key, make_user
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.server import Server
from tests.sessions import browser_of

pytestmark = pytest.mark.cluster
ME = "/api/v1/users/me"
LOG_INS = 40
Change = Callable[[Account, Account], httpx2.Response]


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[tuple[Server, Server]]:
    """Two servers with accounts."""
    with postgres.copy_of(EMPTY) as url:
        nodes = Nodes(tmp_path_factory.mktemp("nodes"), url)
        try:
            yield nodes.pair(
                auth="required",
                rate_limit="off",
                rate_limit_anonymous="off",
                rate_limit_login=f"{LOG_INS}/h",
            )
        finally:
            nodes.close()


def patched(**values: object) -> Change:
    """An edit of the user by the admin."""
    return lambda admin, user: admin.client.patch(f"/api/v1/users/{user.id}", json=values)


def revoked_key(admin: Account, user: Account) -> httpx2.Response:
    """The removal of the user's key."""
    (key,) = user.client.get("/api/v1/api-keys").json()["data"]
    return admin.client.delete(f"/api/v1/api-keys/{key['id']}")


def removed(admin: Account, user: Account) -> httpx2.Response:
    """The removal of the user."""
    return admin.client.delete(f"/api/v1/users/{user.id}")


@pytest.mark.parametrize(
    ("name", "change", "refused"),
    [
        ("revoked", revoked_key, {"key"}),
        ("removed", removed, {"key", "token", "session"}),
        ("disabled", patched(is_disabled=True), {"key", "token", "session"}),
        ("renewed", patched(password="another password"), {"token", "session"}),
    ],
)
def test_what_one_node_has_revoked_the_other_refuses(
    pair: tuple[Server, Server], name: str, change: Change, refused: set[str]
) -> None:
    """From the moment it has answered; the credentials were used at the other before."""
    first, second = pair
    admin = admin_of(first)
    user = make_user(first, admin, name, password=PASSWORD)
    clients = {
        "key": client_of(second, user.key),
        "token": client_of(second, log_in(first, name)["access_token"]),
        "session": browser_of(second, name),
    }
    assert {client.get(ME).status_code for client in clients.values()} == {200}

    assert change(admin, user).is_success

    answers = {kind: client.get(ME).status_code for kind, client in clients.items()}
    assert answers == {kind: 401 if kind in refused else 200 for kind in clients}


def test_a_role_that_one_node_has_taken_away_the_other_does_not_grant(
    pair: tuple[Server, Server],
) -> None:
    first, second = pair
    admin = admin_of(first)
    user = make_user(first, admin, "deputy", is_admin=True)
    key, _ = make_key(first, admin, user.id, ["read", "admin"])
    client = client_of(second, key)
    assert client.get("/api/v1/users").status_code == 200

    assert patched(is_admin=False)(admin, user).is_success

    assert client.get("/api/v1/users").status_code == 403


def test_nodes_count_attempts_to_log_in_together(pair: tuple[Server, Server]) -> None:
    first, second = pair
    make_user(first, admin_of(first), "ann", password=PASSWORD)
    log_in(first, "ann")
    statuses: list[int] = []
    while statuses[-2:] != [429, 429]:
        server = pair[len(statuses) % 2]
        form = {"username": "stranger", "password": "a wrong password"}
        statuses.append(server.client.post("/api/v1/auth/token", data=form).status_code)
        assert len(statuses) <= LOG_INS

    assert set(statuses) == {401, 429}
    log_in(second, "ann")  # from where this user has logged in before, others do not count
