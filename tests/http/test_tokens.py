"""Tokens: login, refresh, and immediate revocation."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
import pytest

from imagesvc.auth.tokens import AccessTokens
from imagesvc.model.accounts import Login
from imagesvc.model.ids import LoginId, UserId
from imagesvc.store.files.secret import derive_key
from tests import databases
from tests.accounts import PASSWORD, Account, admin_of, client_of, log_in, make_user, refused
from tests.conftest import MakeServer
from tests.http.asking import assert_problem
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

TOKEN, REVOKE, ME = "/api/v1/auth/token", "/api/v1/auth/revoke", "/api/v1/users/me"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user."""
    return make_user(guarded, admin, "ada", password=PASSWORD)


@pytest.fixture(scope="module")
def access_token(guarded: Server, ada: Account) -> str:
    """The access token of a login."""
    token: str = log_in(guarded, "ada")["access_token"]
    return token


def me(server: Server, token: str) -> httpx2.Response:
    """The user of a token."""
    return client_of(server, token).get(ME)


def go_on(server: Server, refresh_token: str, **fields: str) -> httpx2.Response:
    """The response to a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **fields}
    return server.client.post(TOKEN, data=form)


def key_of(server: Server) -> bytes:
    """The secret with which the server signs access tokens."""
    return derive_key(databases.secret_of(server.data_dir), "access-tokens")


@pytest.mark.parametrize("shape", ["data", "json"])
def test_a_name_and_password_give_tokens(guarded: Server, ada: Account, shape: str) -> None:
    """The body is a form, as OAuth 2 clients send it, or JSON."""
    body: dict[str, Any] = {shape: {"username": "ada", "password": PASSWORD}}
    answer = guarded.client.post(TOKEN, **body)

    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(tokens) == {
        "access_token", "refresh_token", "token_type", "expires_in", "scope",
    }  # fmt: skip
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    assert tokens["scope"] == "read upload manage"
    assert me(guarded, tokens["access_token"]).json()["id"] == ada.id


def test_a_scope_limits_the_scopes_of_tokens(guarded: Server, ada: Account) -> None:
    """A gallery that only shows needs no right to delete; its refresh tokens get none either."""
    tokens = log_in(guarded, "ada", scope="read admin")
    client = client_of(guarded, tokens["access_token"])
    refused_upload = client.post("/images", content=b"x")
    again = go_on(guarded, tokens["refresh_token"], scope="read upload").json()

    assert tokens["scope"] == again["scope"] == "read"
    assert client.get("/api/v1/images").status_code == 200
    assert_problem(refused_upload, 403, "forbidden")
    assert "insufficient_scope" in refused_upload.headers["www-authenticate"]


@pytest.mark.parametrize(
    "form",
    [
        {"username": "ada", "password": "wrong horse battery"},
        {"username": "nobody-has-this-name", "password": PASSWORD},
        {"username": "admin", "password": PASSWORD},
    ],
)
def test_a_wrong_name_and_a_wrong_password_look_alike(
    guarded: Server, ada: Account, form: dict[str, str]
) -> None:
    """Otherwise clients could find out user names; the admin here has no password at all."""
    answer = guarded.client.post(TOKEN, data=form)

    document = assert_problem(answer, 401, "unauthorized")
    assert document["detail"] == "The name or the password is wrong."


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": {}}, 415),
        ({"data": {"username": "ada"}}, 400),
        ({"data": {"username": "ada\0", "password": PASSWORD}}, 400),
        ({"data": {"grant_type": "client_credentials"}}, 400),
        ({"data": {"username": "ada", "password": PASSWORD, "scope": "write"}}, 400),
        ({"data": {"username": "ada", "password": PASSWORD, "scope": "admin"}}, 400),
        ({"data": {"username": "ada", "password": PASSWORD, "scop": "read"}}, 400),
        ({"data": {"grant_type": "refresh_token", "username": "ada", "password": "x"}}, 400),
        ({"json": {"username": ["ada"], "password": PASSWORD}}, 400),
        ({"json": ["ada"]}, 400),
        ({"data": {"username": "ada", "password": "x" * 2000}}, 400),
        ({"data": {"username": "ada", "password": "x" * 70_000}}, 413),
        ({"content": b"username=a&username=b", "headers": {"content-type": "FORM"}}, 400),
        ({"content": b"username=%ff&password=x", "headers": {"content-type": "FORM"}}, 400),
        ({"content": b"\xff\xfe", "headers": {"content-type": "FORM"}}, 400),
        ({"content": b'{"username": "\\ud800"}', "headers": {"content-type": "JSON"}}, 400),
        ({"content": b"{", "headers": {"content-type": "JSON"}}, 400),
        ({"content": b"username=ada"}, 415),
    ],
)
def test_an_invalid_token_request_gets_a_reason(
    guarded: Server, ada: Account, body: dict[str, Any], status: int
) -> None:
    """Every error in it is a client error."""
    types = {"FORM": "application/x-www-form-urlencoded", "JSON": "application/json"}
    if "headers" in body:
        body = {**body, "headers": {"content-type": types[body["headers"]["content-type"]]}}
    answer = guarded.client.post(TOKEN, **body)

    code = {400: "invalid_request", 413: "file_too_large", 415: "unsupported_media_type"}[status]
    assert_problem(answer, status, code)


def test_a_refresh_token_gives_the_next(guarded: Server, ada: Account) -> None:
    """This continues as long as the login is used."""
    tokens = log_in(guarded, "ada")
    for _ in range(3):
        before = tokens["refresh_token"]
        tokens = go_on(guarded, before).json()

        assert tokens["refresh_token"] != before
        assert me(guarded, tokens["access_token"]).status_code == 200


def test_a_refresh_token_used_twice_ends_its_login(guarded: Server, ada: Account) -> None:
    """A token that is used twice has been stolen or replayed."""
    other = log_in(guarded, "ada")
    first = log_in(guarded, "ada")
    second = go_on(guarded, first["refresh_token"]).json()

    refused(go_on(guarded, first["refresh_token"]), "used before")

    refused(go_on(guarded, second["refresh_token"]))
    refused(me(guarded, first["access_token"]))
    refused(me(guarded, second["access_token"]))
    assert me(guarded, other["access_token"]).status_code == 200


def test_an_invented_refresh_token_ends_no_login(guarded: Server, ada: Account) -> None:
    """The id of a login is not secret: every access token contains it."""
    tokens = log_in(guarded, "ada")
    prefix, login_id, secret = tokens["refresh_token"].split("_")
    invented = "0123456789abcdef"[::-1] * 4 + secret[64:]

    for text in (
        f"{prefix}_{login_id}_{invented}",
        f"{prefix}_{login_id}_{secret[:64]}",
        f"{prefix}_{uuid4().hex}_{secret}",
        f"isk_{login_id}_{secret}",
        "x",
        tokens["access_token"],
    ):
        refused(go_on(guarded, text))

    assert go_on(guarded, tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_revoked_login_stops_at_once(guarded: Server, ada: Account, which: str) -> None:
    """Its access tokens are invalid before they expire (RFC 7009)."""
    tokens = log_in(guarded, "ada")
    assert me(guarded, tokens["access_token"]).status_code == 200

    answer = guarded.client.post(REVOKE, data={"token": tokens[which]})

    assert (answer.status_code, answer.content) == (200, b"")
    refused(me(guarded, tokens["access_token"]))
    refused(go_on(guarded, tokens["refresh_token"]))
    assert guarded.client.post(REVOKE, json={"token": tokens[which]}).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "isr_x", f"isr_{uuid4().hex}_{'0' * 96}"])
def test_revoking_an_invalid_token_succeeds(guarded: Server, token: str) -> None:
    """The client's intention is fulfilled (RFC 7009, section 2.2)."""
    assert guarded.client.post(REVOKE, data={"token": token}).status_code == 200


def test_a_disabled_user_stops_at_once(guarded: Server, admin: Account) -> None:
    """All keys and tokens stop working; enabled again, the login has ended and the key works."""
    bob = make_user(guarded, admin, "bob-disabled", password=PASSWORD)
    tokens = log_in(guarded, "bob-disabled")

    admin.client.patch(f"/api/v1/users/{bob.id}", json={"is_disabled": True})

    refused(me(guarded, tokens["access_token"]))
    refused(go_on(guarded, tokens["refresh_token"]))
    refused(bob.client.get(ME))
    form = {"username": "bob-disabled", "password": PASSWORD}
    assert_problem(guarded.client.post(TOKEN, data=form), 401, "unauthorized")
    admin.client.patch(f"/api/v1/users/{bob.id}", json={"is_disabled": False})
    assert bob.client.get(ME).status_code == 200
    refused(me(guarded, tokens["access_token"]))


def test_a_removed_user_stops_at_once(guarded: Server, admin: Account) -> None:
    """All credentials of the user are invalid."""
    bob = make_user(guarded, admin, "bob-removed", password=PASSWORD)
    tokens = log_in(guarded, "bob-removed")

    assert admin.client.delete(f"/api/v1/users/{bob.id}").status_code == 204

    refused(me(guarded, tokens["access_token"]))
    refused(go_on(guarded, tokens["refresh_token"]))
    refused(bob.client.get(ME))


@pytest.mark.breadth
def test_an_expired_token_gets_a_specific_error(make_server: MakeServer) -> None:
    """The client then uses its refresh token."""
    server = make_server(
        auth="required", workers=1, access_token_lifetime="1s", rate_limits="off"
    )  # fmt: skip
    make_user(server, admin_of(server), "ada", password=PASSWORD)

    def good_tokens() -> dict[str, Any] | None:
        tokens = log_in(server, "ada")
        return tokens if me(server, tokens["access_token"]).status_code == 200 else None

    tokens = until(good_tokens)
    until(lambda: me(server, tokens["access_token"]).status_code == 401)

    refused(me(server, tokens["access_token"]), "expired")
    assert go_on(server, tokens["refresh_token"]).status_code == 200


@pytest.mark.breadth
def test_a_login_that_was_not_used_for_long_has_ended(make_server: MakeServer) -> None:
    """A lost laptop does not stay logged in."""
    server = make_server(auth="required", workers=1, refresh_token_lifetime="1s")
    make_user(server, admin_of(server), "ada", password=PASSWORD)
    tokens = log_in(server, "ada")

    time.sleep(1.1)

    refused(go_on(server, tokens["refresh_token"]), "expired")
    refused(me(server, tokens["access_token"]))


def _part(values: dict[str, Any]) -> str:
    return _encoded(json.dumps(values).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "forgery",
    [
        "signature", "claims", "none", "None", "empty signature", "other key", "empty key", "HS512",
        "no exp", "no sid", "other audience", "other issuer", "not yet", "other user", "no login",
        "crit", "sid is no id", "scope is a list", "huge",
    ],
)  # fmt: skip
def test_a_forged_access_token_is_refused(
    guarded: Server, admin: Account, access_token: str, forgery: str
) -> None:
    """Every change of the token gives 401, even one by an owner of the key, and never a 500."""
    key = key_of(guarded)
    header, payload, signature = access_token.split(".")
    claims = jwt.decode(access_token, options={"verify_signature": False})
    now = datetime.now(UTC)

    def signed(changed: dict[str, Any], key: bytes = key, **options: Any) -> str:
        return jwt.encode({**claims, **changed}, key, **{"algorithm": "HS256", **options})

    without_exp = {name: value for name, value in claims.items() if name != "exp"}
    without_sid = {name: value for name, value in claims.items() if name != "sid"}
    long_header = _part({"alg": "HS512", "typ": "JWT"})
    by_sha512 = hmac.new(key, f"{long_header}.{payload}".encode(), "sha512").digest()
    forged = {
        "signature": f"{header}.{payload}.{signature[::-1]}",
        "claims": f"{header}.{_part({**claims, 'scope': 'admin'})}.{signature}",
        "none": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "None": f"{_part({'alg': 'None', 'typ': 'JWT'})}.{payload}.{signature}",
        "empty signature": f"{header}.{payload}.",
        "other key": signed({}, b"0" * 32),
        "empty key": f"{header}.{payload}.{_part({})}",
        "HS512": f"{long_header}.{payload}.{_encoded(by_sha512)}",
        "no exp": jwt.encode(without_exp, key, "HS256"),
        "no sid": jwt.encode(without_sid, key, "HS256"),
        "other audience": signed({"aud": "someone-else"}),
        "other issuer": signed({"iss": "https://id.test"}),
        "not yet": signed({"nbf": now + timedelta(hours=1)}),
        "other user": signed({"sub": admin.id}),
        "no login": signed({"sid": str(uuid4())}),
        "crit": signed({}, headers={"crit": ["x"], "x": 1}),
        "sid is no id": signed({"sid": 7}),
        "scope is a list": signed({"scope": ["admin"]}),
        "huge": f"{header}.{payload * 60}.{signature}",
    }[forgery]

    refused(me(guarded, forged))
    assert me(guarded, signed({})).status_code == 200  # so it was the change


def test_a_token_never_grants_more_than_its_user_has(guarded: Server, admin: Account) -> None:
    """A former admin has no admin tokens."""
    eve = make_user(guarded, admin, "eve-demoted", password=PASSWORD, is_admin=True)
    token = log_in(guarded, "eve-demoted")["access_token"]
    assert "admin" in me(guarded, token).json()["scopes"]

    admin.client.patch(f"/api/v1/users/{eve.id}", json={"is_admin": False})

    assert me(guarded, token).json()["scopes"] == ["read", "upload", "manage"]


def test_a_token_of_another_service_with_accounts_is_refused(guarded: Server, ada: Account) -> None:
    """Each service has a key of its own."""
    now = datetime.now(UTC)
    login = Login(LoginId(uuid4()), UserId(UUID(ada.id)), "0" * 64, ("read",), now, now)

    token = AccessTokens(b"1" * 32, timedelta(minutes=5)).issue(login, ("read",))

    refused(me(guarded, token))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Basic YWRhOmhvcnNl"},
        {"authorization": "Bearer"},
        {"authorization": "bearer é".encode().decode("latin-1")},
        {"x-api-key": ""},
        {"x-api-key": "isk_"},
    ],
)
def test_invalid_credentials_are_refused(guarded: Server, headers: dict[str, str]) -> None:
    """It is not ignored, since its sender expects to be authenticated."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    refused(guarded.client.get(ME, headers=raw))


def test_two_credentials_are_refused(guarded: Server, ada: Account, admin: Account) -> None:
    """It is unclear which one is meant. A proxy's own Basic credentials are not ours."""
    both = {"authorization": f"Bearer {ada.key}", "x-api-key": admin.key}
    proxied = {"authorization": "Basic YWRhOmhvcnNl", "x-api-key": ada.key}

    assert_problem(guarded.client.get(ME, headers=both), 400, "invalid_request")
    assert guarded.client.get(ME, headers=proxied).json()["id"] == ada.id


def test_a_stranger_is_asked_for_a_credential(guarded: Server) -> None:
    """The response names no error in a credential, since there is none (RFC 6750, 3.1)."""
    answer = guarded.client.get(ME)

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="imagesvc"'


@pytest.mark.breadth
def test_guessing_passwords_is_limited(make_server: MakeServer) -> None:
    """The limit applies to logins and to the old password; refresh tokens cannot be guessed."""
    server = make_server(auth="required", workers=1, rate_limit_login="1/h burst 3")
    ada = make_user(server, admin_of(server), "ada", password=PASSWORD)
    tokens = log_in(server, "ada")
    form = {"username": "ada", "password": "wrong"}

    statuses = [server.client.post(TOKEN, data=form).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    body = {"password": "a new password", "old_password": PASSWORD}
    assert ada.client.patch(f"/api/v1/users/{ada.id}", json=body).status_code == 429
    assert go_on(server, tokens["refresh_token"]).status_code == 200


def test_no_secret_is_written_to_the_log(guarded: Server, ada: Account) -> None:
    """The log has neither keys nor tokens nor passwords, valid or invalid."""
    tokens = log_in(guarded, "ada")
    guarded.client.post(TOKEN, data={"username": "ada", "password": "a-wrong-password"})
    me(guarded, tokens["access_token"])
    me(guarded, "a-wrong-token")

    for secret in (PASSWORD, "a-wrong-password", "a-wrong-token", *tokens.values(), ada.key):
        assert len(str(secret)) < 8 or str(secret) not in guarded.log()
