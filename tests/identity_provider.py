"""A small OpenID provider, as a process of its own: `python -m tests.identity_provider`.

It prints its URL. Everyone who comes is logged in at once as the `sub` in the query of the
authorization endpoint, and `fault` names what is wrong with the identity token or the answer.
Codes, secrets, code verifiers and redirect URIs are checked as OAuth 2 requires.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

CLIENT, SECRET = "images & photos", "s3cret: +%"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
LATER = 4_000_000_000
CODES: dict[str, dict[str, str]] = {}
CLAIMS: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "nonce of another kind": {"nonce": ["another"]},
    "audience": {"aud": "other"},
    "several audiences": {"aud": [CLIENT, "other"]},
    "another party": {"aud": [CLIENT, "other"], "azp": "other"},
    "issuer": {"iss": "https://evil.example"},
    "expired": {"exp": 1_000_000_000},
    "no expiry": {"exp": None},
    "not yet": {"nbf": LATER - 1, "iat": LATER - 1},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "numeric subject": {"sub": 17},
    "long subject": {"sub": "s" * 300},
    "strange subject": {"sub": "ada\u0000\u202e"},
    "claims of the admin": {
        "email": "admin@example.org", "email_verified": True, "preferred_username": "admin",
        "name": "admin", "scope": "admin", "is_admin": True, "groups": ["admin"],
    },
}  # fmt: skip
"""Changed claims by the name of a fault; None removes one."""
ANSWERS = {
    "refused": (400, b'{"error": "invalid_grant"}'),
    "no token": (200, b'{"access_token": "x"}'),
    "no JSON": (200, b"<html>"),
    "deep": (200, b"[" * 60_000),
    "large": (200, b'{"id_token": "' + b"x" * 100_000 + b'"}'),
    "list": (200, b'["id_token"]'),
    "no JWT": (200, b'{"id_token": "a.b.c"}'),
    "redirect": (302, b""),
}
"""The responses of the token endpoint by the name of a fault."""


class Handler(BaseHTTPRequestHandler):
    """The endpoints of the provider."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # its name in the library
        """The discovery document, the keys, or the authorization endpoint."""
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/.well-known/openid-configuration":
            self._send(200, json.dumps(document(self.issuer)).encode())
        elif parts.path == "/keys":
            public = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
            self._send(200, json.dumps({"keys": [{**public, "kid": "key"}]}).encode())
        elif parts.path == "/authorize":
            self._authorize(query)
        else:
            self._send(404, b"")

    def do_POST(self) -> None:  # its name in the library
        """The token endpoint."""
        body = self.rfile.read(int(self.headers["content-length"]))
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        asked = CODES.pop(form.get("code", ""), None)  # a code can be used once
        problem = self._problem(form, asked)
        if asked is None or problem:
            self._send(400, json.dumps({"error": problem}).encode())
        elif asked["fault"] in ANSWERS:
            self._send(*ANSWERS[asked["fault"]])
        else:
            token = identity_token(self.issuer, asked)
            self._send(200, json.dumps({"id_token": token, "token_type": "Bearer"}).encode())

    @property
    def issuer(self) -> str:
        """The URL of the provider."""
        return f"http://127.0.0.1:{self.connection.getsockname()[1]}"

    def _authorize(self, query: dict[str, str]) -> None:
        is_whole = (
            query["response_type"] == "code"
            and query["client_id"] == CLIENT
            and "openid" in query["scope"].split()
            and query["code_challenge_method"] == "S256"
            and len(query["code_challenge"]) == 43
            and len(query["state"]) >= 43
            and query["nonce"] != query["state"]
        )
        if not is_whole:
            self._send(400, b"")
            return
        code = secrets.token_urlsafe()
        CODES[code] = {"fault": "", "sub": "someone", **query}
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        location = f"{query['redirect_uri']}?{urlencode(answer)}"
        self._send(302, b"", ("location", location))

    def _problem(self, form: dict[str, str], asked: dict[str, str] | None) -> str:
        pair = f"{CLIENT}\n{SECRET}"
        given = self.headers.get("authorization", "").removeprefix("Basic ")
        name, _, secret = base64.b64decode(given).decode().partition(":")
        if f"{unquote_plus(name)}\n{unquote_plus(secret)}" != pair:
            return "invalid_client"
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        )
        is_right = (
            asked is not None
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and challenge.decode().rstrip("=") == asked["code_challenge"]
        )
        return "" if is_right else "invalid_grant"

    def _send(self, status: int, body: bytes, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("content-length", str(len(body))), *fields):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


def document(issuer: str) -> dict[str, Any]:
    """The discovery document."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "authorization_response_iss_parameter_supported": True,
    }


def identity_token(issuer: str, asked: dict[str, str]) -> str:
    """The identity token of a code, with its fault."""
    fault, now = asked["fault"], int(time.time())
    claims = {
        "iss": issuer, "aud": CLIENT, "sub": asked["sub"], "nonce": asked["nonce"],
        "iat": now, "exp": now + 300, **CLAIMS.get(fault, {}),
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    if fault == "unsigned":
        return jwt.encode(claims, "", "none", headers={"kid": "key"})
    if fault == "signed by the secret":
        return jwt.encode(claims, SECRET * 4, "HS256", headers={"kid": "key"})
    if fault == "signed by another":
        return jwt.encode(claims, OTHER_KEY, "ES256", headers={"kid": "key"})
    kid = "unknown" if fault == "unknown key" else "key"
    return jwt.encode(claims, KEY, "ES256", headers={"kid": kid})


@contextlib.contextmanager
def running_provider() -> Iterator[str]:
    """The URL of a provider that runs until the end of the block."""
    command = [sys.executable, "-m", "tests.identity_provider"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
