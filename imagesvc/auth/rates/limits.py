"""Rate limits: by user, or by address for requests without a user.

Each process has its own buckets: each of several nodes allows the full rate. Log-ins are counted by
all nodes together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import Request

from imagesvc.auth.principals import Principal
from imagesvc.auth.rates.buckets import Buckets, RateLimitState
from imagesvc.auth.rates.login_limits import LoginTries
from imagesvc.errors import RateLimited

RATE_LIMIT_STATE = "imagesvc.state"


class Limit(StrEnum):
    """The rate limit to which an operation counts."""

    PRINCIPAL = "principal"
    """By user; by address for strangers and invalid credentials."""
    ADDRESS = "address"
    LOGIN = "login"
    """Passwords, by address and name: `RateLimits.check_login`."""


RENDER = "render"
"""The limit of variants that are made for strangers, in the metrics."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The buckets of a service; None if there is no limit."""

    principals: Buckets | None = None
    addresses: Buckets | None = None
    logins: LoginTries | None = None
    renders: Buckets | None = None
    refused: Counter[Limit | str] = field(default_factory=Counter)

    def check(self, limit: Limit, request: Request, principal: Principal | None = None) -> None:
        """Count a request.

        Raises:
            RateLimited: there were too many requests.
        """
        if limit is Limit.ADDRESS or principal is None or principal.user_id is None:
            self._take(self.addresses, address_of(request), request, Limit.ADDRESS)
        else:
            self._take(self.principals, str(principal.user_id), request, limit)

    async def check_login(self, request: Request, name: str) -> None:
        """Count an attempt to log in as `name`.

        Raises:
            RateLimited: there were too many; the password was not looked at.
        """
        if self.logins is not None:
            state = await self.logins.take(name, address_of(request))
            self._judge(state, request, Limit.LOGIN)

    async def remember_login(self, request: Request, name: str) -> None:
        """Remember the address of a user who sent a correct password or refresh token."""
        if self.logins is not None:
            await self.logins.remember(name, address_of(request))

    def check_render(self, request: Request) -> None:
        """Count a variant before it is made for a stranger.

        Raises:
            RateLimited: there were too many requests.
        """
        self._take(self.renders, address_of(request), request, RENDER)

    def _take(
        self, buckets: Buckets | None, key: str, request: Request, limit: Limit | str
    ) -> None:
        if buckets is not None:
            self._judge(buckets.take(key), request, limit)

    def _judge(self, state: RateLimitState, request: Request, limit: Limit | str) -> None:
        request.scope[RATE_LIMIT_STATE] = state
        if state.retry_seconds is not None:
            self.refused[limit] += 1
            raise RateLimited(state.retry_seconds)


def rate_limit_headers(request: Request) -> Mapping[str, str]:
    """The rate-limit state for the response (draft-ietf-httpapi-ratelimit-headers-03)."""
    state: RateLimitState | None = request.scope.get(RATE_LIMIT_STATE)
    if state is None:
        return {}
    return {
        "ratelimit-limit": str(state.limit),
        "ratelimit-remaining": str(state.remaining),
        "ratelimit-reset": str(state.reset_seconds),
    }


def requester_of(request: Request, principal: Principal | None) -> str:
    """The party that takes turns with others: a user, or an address."""
    if principal is None or principal.user_id is None:
        return f"address {address_of(request)}"
    return str(principal.user_id)


def address_of(request: Request) -> str:
    """Who asks, as far as an address tells: of IPv6 the /64, which is one customer's."""
    return network_of(request.client.host) if request.client else ""


@lru_cache(maxsize=1024)
def network_of(text: str) -> str:
    """What an address is counted as: IPv6 by its /64, and an IPv4 address in IPv6 as IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))
