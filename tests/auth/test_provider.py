"""JWTs of an identity provider: which are accepted, and their users."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from imagesvc.auth.provider.jwks import FRESH_SECONDS, MAX_BYTES, RETRY_SECONDS, KeySet, read_keys
from imagesvc.errors import InvalidToken, Unavailable
from imagesvc.outbound.requests import Outbound
from imagesvc.service.outbound import operator_rules
from tests.accounts import admin_of, client_of, refused
from tests.http.asking import assert_problem
from tests.remote import Remote, answered, dripping, endless, silent
from tests.server import Server

ISSUER, AUDIENCE = "https://id.example.test/realm", "images"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ME = "/api/v1/users/me"
LATER = 4_000_000_000


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half of a key, as a provider publishes it."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def published(*keys: dict[str, Any]) -> bytes:
    """The response of a provider to a request for its keys."""
    return answered(json.dumps({"keys": list(keys)}).encode(), "Content-Type: application/json")


def token(key: Any = RSA, kid: str | None = "rsa", alg: str = "RS256", **changed: Any) -> str:
    """A valid token of the provider, except for the changed claims."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "248289761001",
        "exp": LATER,
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, alg, headers={} if kid is None else {"kid": kid})


@pytest.fixture(scope="module")
def provider() -> Iterator[Remote]:
    """An identity provider."""
    remote = Remote()
    keys = (
        jwk(RSA, "rsa", alg="RS256"),
        jwk(EC, "ec"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
    )
    remote.url("/keys", published(*keys))
    yield remote
    remote.close()


@pytest.fixture(scope="module")
def server(provider: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts it."""
    shared = Server(
        tmp_path_factory.mktemp("provider") / "data",
        auth="required",
        rate_limits="off",
        workers=1,
        jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE,
        jwt_jwks=provider.url("/keys"),
    ).start()
    yield shared
    shared.close()


def me(server: Server, credential: str) -> Any:
    """The user of the bearer token."""
    return client_of(server, credential).get(ME)


@pytest.mark.parametrize(
    "credential",
    [token(), token(EC, "ec", "ES256"), token(aud=["other", AUDIENCE])],
    ids=["RS256", "ES256", "among audiences"],
)
def test_a_subject_becomes_one_user(server: Server, credential: str) -> None:
    """The user is made at the first token and kept; the name contains the issuer."""
    first, second = me(server, credential).json(), me(server, credential).json()

    assert first == second
    assert first["name"] == "id.example.test:248289761001"
    assert first["scopes"] == ["read", "upload", "manage"]
    users = admin_of(server).client.get("/api/v1/users").json()["data"]
    assert [user["id"] for user in users if user["name"] == first["name"]] == [first["id"]]


def test_many_first_requests_make_one_user(server: Server) -> None:
    """The requests of a page arrive together."""
    credential = token(sub="in-a-hurry")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: me(server, credential), range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("read", ["read"]),
        ("openid read manage", ["read", "manage"]),
        ("read admin", ["read"]),
        (["read", "upload"], ["read", "upload"]),
        (None, ["read", "upload", "manage"]),
    ],
)
def test_the_scope_claim_narrows_and_never_makes_an_admin(
    server: Server, scope: Any, granted: list[str]
) -> None:
    """Only this service decides who is an admin."""
    answer = me(server, token(scope=scope, sub="scoped"))

    assert answer.json()["scopes"] == granted


PUBLIC_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def by_hmac(key: bytes, **header: Any) -> str:
    """A token signed by HS256 with any key; libraries refuse to make one."""
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (
            {"typ": "JWT", "alg": "HS256", "kid": "rsa", **header},
            {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": LATER},
        )
    ]
    signature = hmac.new(key, b".".join(encoded), hashlib.sha256).digest()
    return b".".join([*encoded, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


OTHER_RSA, OTHER_EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
FORGED = {
    "expired": token(exp=datetime.now(UTC) - timedelta(minutes=5)),
    "not yet": token(nbf=LATER),
    "wrong audience": token(aud="another-service"),
    "no audience": token(aud=None),
    "wrong issuer": token(iss="https://evil.test"),
    "no issuer": token(iss=None),
    "no expiry": token(exp=None),
    "no subject": token(sub=None),
    "subject of control characters": token(sub="a\nb"),
    "endless subject": token(sub="x" * 300),
    "other key, same id": token(OTHER_RSA),
    "other curve key, same id": token(OTHER_EC, "ec", "ES256"),
    "unknown key id": token(kid="nope"),
    "no key id, several keys": token(kid=None),
    "RS512": token(alg="RS512"),
    "PS256": token(alg="PS256"),
    "EC key by the id of the RSA key": token(EC, "rsa", "ES256"),
    "none": by_hmac(b"", alg="none").rpartition(".")[0] + ".",
    "HS256 with the public key as PEM": by_hmac(PUBLIC_PEM),
    "HS256 with the public key as PEM, no newline": by_hmac(PUBLIC_PEM.strip()),
    "HS256 said to be RS256": by_hmac(PUBLIC_PEM, alg="RS256"),
    "HS256 with the set's own secret": by_hmac(b"secret", kid="oct"),
    "critical extension": jwt.encode(
        {"iss": ISSUER}, RSA, "RS256", headers={"kid": "rsa", "crit": ["exp"]}
    ),
    "key in the header": jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": LATER},
        OTHER_RSA, "RS256", headers={"kid": "own", "jwk": jwk(OTHER_RSA, "own")},
    ),
    "kid is no text": by_hmac(PUBLIC_PEM, kid=["rsa"], alg="RS256"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_token_is_refused(server: Server, forgery: str) -> None:
    """The algorithm is determined by the kind of the key, which comes from the provider only."""
    refused(me(server, FORGED[forgery]), "expired" if forgery == "expired" else "")
    assert me(server, token()).status_code == 200


def test_a_disabled_user_of_a_provider_stops_at_once(server: Server) -> None:
    """The provider's token may be valid for hours."""
    credential = token(sub="to-be-disabled")
    user_id = me(server, credential).json()["id"]

    admin_of(server).client.patch(f"/api/v1/users/{user_id}", json={"is_disabled": True})

    refused(me(server, credential))


def test_unknown_key_ids_make_no_traffic(server: Server, provider: Remote) -> None:
    """Clients can invent key ids; the provider is requested at most once a minute."""
    me(server, token())
    before = len(provider.requests)

    for number in range(20):
        refused(me(server, token(kid=f"invented-{number}")))

    assert len(provider.requests) - before <= 1


def test_without_a_provider_its_tokens_are_refused(guarded: Server) -> None:
    """This holds for every content of the tokens."""
    refused(me(guarded, token()))


fetch = Outbound(operator_rules("provider")).get
"""A function like the service's for fetching keys."""


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """The time of the clock."""
        return self.now


def test_a_new_key_is_found_once_a_minute_has_passed(provider: Remote) -> None:
    """Providers rotate their keys; a withdrawn key stops working within the hour."""

    async def work() -> None:
        clock = Clock()
        keys = KeySet(provider.url("/rotating", published(jwk(RSA, "a"))), fetch, clock)
        assert (await keys.key("a"))[0] == "RS256"
        provider.url("/rotating", published(jwk(EC, "b")))

        with pytest.raises(InvalidToken):
            await keys.key("b")
        clock.now += RETRY_SECONDS
        assert (await keys.key("b"))[0] == "ES256"
        with pytest.raises(InvalidToken):
            await keys.key("a")
        provider.url("/rotating", published(jwk(RSA, "a")))
        clock.now += FRESH_SECONDS
        with pytest.raises(InvalidToken):
            await keys.key("b")

    asyncio.run(work())


def test_many_waiters_for_keys_make_one_request(provider: Remote) -> None:
    """Right after the start all requests need the keys."""

    async def work() -> None:
        keys = KeySet(provider.url("/once", published(jwk(RSA, "a"))), fetch)
        before = len(provider.requests)

        await asyncio.gather(*(keys.key("a") for _ in range(10)))

        assert len(provider.requests) - before == 1

    asyncio.run(work())


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"oops", status="500 Oops"),
        answered(b"no json"),
        answered(b"[]"),
        answered(b'{"keys": []}'),
        answered(b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
        answered(b'{"keys": [{"kty": "RSA", "n": "AQAB", "e": ""}]}'),
        answered(json.dumps({"keys": [jwk(RSA, "a")]}).encode() + b" " * MAX_BYTES),
        endless,
        answered(b"", "Location: http://127.0.0.1/elsewhere", status="302 Found"),
    ],
    ids=[
        "500",
        "no json",
        "a list",
        "empty",
        "a secret",
        "damaged",
        "large",
        "endless",
        "elsewhere",
    ],
)
def test_a_provider_without_keys_is_a_503_and_not_a_bug(provider: Remote, answer: Any) -> None:
    """Time and size are limited, and a token that cannot be verified is not called invalid."""

    async def work() -> None:
        with pytest.raises(Unavailable):
            await KeySet(provider.url("/broken", answer), fetch).key("a")

    asyncio.run(work())


def test_keys_outlast_a_provider_that_is_down(provider: Remote) -> None:
    """The users of the provider can still log in."""

    async def work() -> None:
        clock = Clock()
        keys = KeySet(provider.url("/down", published(jwk(RSA, "a"))), fetch, clock)
        await keys.key("a")
        provider.url("/down", answered(b"", status="503 Later"))
        clock.now += FRESH_SECONDS

        assert (await keys.key("a"))[0] == "RS256"

    asyncio.run(work())


@pytest.mark.parametrize("answer", [silent, dripping(b'{"keys": []}' + b" " * 100_000, 0.05)])
def test_a_provider_that_never_answers_is_given_up(
    provider: Remote, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """The waiting request gets a response in the end."""
    monkeypatch.setattr("imagesvc.auth.provider.jwks.FETCH_SECONDS", 0.3)

    async def work() -> None:
        with pytest.raises(Unavailable):
            await KeySet(provider.url("/silent", answer), fetch).key("a")

    asyncio.run(work())


def test_keys_may_lie_in_a_file(tmp_path: Path) -> None:
    """This is for providers that this machine cannot reach. A single key needs no id."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [jwk(EC, "ec")]}))

    async def work() -> None:
        keys = KeySet(str(path), fetch)
        assert (await keys.key("ec"))[0] == (await keys.key(None))[0] == "ES256"
        with pytest.raises(InvalidToken):
            await keys.key("rsa")

    asyncio.run(work())


def test_keys_for_other_ends_are_left_out() -> None:
    """These are encryption keys, secrets, and curves and algorithms that are not allowed."""
    other_curve = ec.generate_private_key(ec.SECP384R1())
    keys = read_keys(json.dumps({"keys": [
        jwk(RSA, "good"), jwk(RSA, "for encryption") | {"use": "enc"}, jwk(RSA, "512", alg="RS512"),
        jwk(other_curve, "P-384"), {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "AAAA"},
    ]}).encode())  # fmt: skip

    assert set(keys) == {"good"}


def test_a_provider_that_is_down_from_the_start_is_reported(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """503 with Retry-After; keys and logins of the service still work."""
    down = Server(
        tmp_path_factory.mktemp("down") / "data", auth="required", workers=1, jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE, jwt_jwks="http://127.0.0.1:1/keys",
    ).start()  # fmt: skip
    try:
        answer = me(down, token())
        assert_problem(answer, 503, "overloaded")
        assert admin_of(down).client.get(ME).status_code == 200
    finally:
        down.close()
