"""From a request to the principal that it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from imagesvc.auth.principals import ANYBODY, STRANGER, Principal

PRINCIPAL = "imagesvc.principal"


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Reads the credentials of requests; without accounts everybody may do everything."""

    has_accounts: bool

    async def principal(self, request: Request) -> Principal:
        """Who is asking.

        Raises:
            Unauthorized: the request brings a credential that does not hold.
        """
        known: Principal | None = request.scope.get(PRINCIPAL)
        if known is None:
            known = STRANGER if self.has_accounts else ANYBODY
            request.scope[PRINCIPAL] = known
        return known


def principal_of(request: Request) -> Principal:
    """Who is asking, once the route has found out."""
    principal: Principal = request.scope[PRINCIPAL]
    return principal
