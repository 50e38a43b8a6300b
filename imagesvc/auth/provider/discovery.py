"""The endpoints of an OpenID provider, from its discovery document (OpenID Connect Discovery)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic_core import from_json

from imagesvc.auth.provider.jwks import Fetch, KeySet
from imagesvc.errors import ImagesvcError, Unavailable, text_of
from imagesvc.syntax.hosts import is_safe_url

log = structlog.get_logger()

PATH = "/.well-known/openid-configuration"
MAX_BYTES = 256 << 10
FETCH_SECONDS = 5.0
FRESH_SECONDS = 3600.0
"""The age at which the document is fetched again."""
RETRY_SECONDS = 5.0
"""The minimum time between two fetches."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the log-in needs to know about a provider."""

    authorization: str
    token: str
    keys: KeySet
    takes_secret_in_body: bool
    """Whether the secret is sent as a field of the form, since the provider takes no other way."""
    names_issuer: bool
    """Whether each of its answers has the parameter `iss` (RFC 9207)."""


@dataclass(slots=True)
class Discovery:
    """The endpoints of one issuer, fetched when they are first needed, and again each hour."""

    issuer: str
    fetch: Fetch
    clock: Callable[[], float] = time.monotonic
    _found: Endpoints | None = None
    _read_at: float | None = None
    _tried_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def endpoints(self) -> Endpoints:
        """The endpoints; after a failure the known ones.

        Raises:
            Unavailable: they are not known yet.
        """
        if self._may_fetch():
            async with self._lock:
                if self._may_fetch():
                    await self._refresh()
        if self._found is None:
            raise Unavailable("The identity provider is not available now.")
        return self._found

    def _may_fetch(self) -> bool:
        now = self.clock()
        if self._read_at is not None and now - self._read_at < FRESH_SECONDS:
            return False
        return self._tried_at is None or now - self._tried_at >= RETRY_SECONDS

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                body = await self.fetch(
                    f"{self.issuer.removesuffix('/')}{PATH}", "application/json", MAX_BYTES
                )
            self._found = self._read(from_json(body))
        except (ImagesvcError, OSError, ValueError) as error:
            log.warning(
                "the identity provider cannot be used",
                action="oidc.unavailable",
                issuer=self.issuer,
                error=text_of(error) or type(error).__name__,
            )
        else:
            self._read_at = self.clock()
        self._tried_at = self.clock()  # after the fetch, since concurrent requests wait for it

    def _read(self, document: object) -> Endpoints:
        """The endpoints in a document.

        Raises:
            ValueError: it is not that of the issuer, or cannot be used.
        """
        if not isinstance(document, dict) or document.get("issuer") != self.issuer:
            raise ValueError("its document names another issuer")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        source = _url_in(document, "jwks_uri")
        known = self._found
        keys = known.keys if known is not None and known.keys.source == source else None
        return Endpoints(
            authorization=_url_in(document, "authorization_endpoint"),
            token=_url_in(document, "token_endpoint"),
            keys=keys or KeySet(source, self.fetch),
            takes_secret_in_body=isinstance(methods, list)
            and "client_secret_post" in methods
            and "client_secret_basic" not in methods,
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _url_in(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_safe_url(url) or not url.isprintable() or "#" in url:
        raise ValueError(f"its document has no usable {name}")
    return url
