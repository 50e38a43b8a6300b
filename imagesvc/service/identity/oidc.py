"""The log-in of browsers at an identity provider, made from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from imagesvc.auth.accounts import Accounts
from imagesvc.auth.provider.code_flow import CALLBACK, CodeFlow, OidcClient
from imagesvc.auth.provider.discovery import Discovery
from imagesvc.auth.provider.subjects import Subjects
from imagesvc.outbound.requests import Outbound, Sent
from imagesvc.service.outbound import operator_rules
from imagesvc.service.secret_files import secret_of
from imagesvc.settings.settings import Settings
from imagesvc.store.files.secret import derive_key


def oidc_client_of(settings: Settings) -> OidcClient | None:
    """This service as a client of the provider; None where the settings name no provider.

    Raises:
        SecretUnusable: the file of the secret cannot be read, or has none.
    """
    if settings.oidc_issuer == "off":
        return None
    redirect_uri = f"{settings.public_url}{CALLBACK}"
    path = settings.oidc_client_secret_file
    secret = secret_of(settings.oidc_client_secret, path, "oidc_client_secret_file")
    return OidcClient(settings.oidc_client_id, secret, redirect_uri)


def code_flow_of(
    settings: Settings, client: OidcClient | None, secret: bytes, accounts: Accounts
) -> CodeFlow | None:
    """The log-in at the provider; None without a provider."""
    if client is None:
        return None
    outbound = Outbound(operator_rules("provider"))

    async def post(
        url: str, headers: Mapping[str, str], body: bytes, max_bytes: int
    ) -> tuple[int, bytes]:
        return await outbound.exchange(url, Sent("POST", tuple(headers.items()), body), max_bytes)

    return CodeFlow(
        client,
        Discovery(settings.oidc_issuer, outbound.get),
        Subjects(settings.oidc_issuer, accounts.users),
        derive_key(secret, "browser-tickets"),
        post,
    )
