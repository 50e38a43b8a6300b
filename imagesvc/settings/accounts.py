"""Accounts: whether requests need credentials, and which are accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from imagesvc.settings.quantities import Seconds
from imagesvc.settings.sources import PREFIX
from imagesvc.syntax.hosts import is_loopback, is_safe_url, split_hosts


class AccountSettings(BaseModel):
    """Whether there are accounts, and how long credentials are valid."""

    auth: Literal["required", "off"] = Field(
        "required",
        validate_default=True,
        description="Whether requests need a key or token, except for what is public.",
    )
    admin_key_file: Path | None = Field(
        None,
        description="File with the API key of the admin that the first start makes; none: a new "
        "key, which is printed.",
    )
    access_token_lifetime: Seconds = Field(
        900.0, description="Time for which an access token is valid."
    )
    refresh_token_lifetime: Seconds = Field(
        30 * 86400.0, description="Time a login lasts after its last use."
    )
    session_lifetime: Seconds = Field(
        90 * 86400.0, description="Time after which a browser must log in again."
    )
    session_idle_timeout: Seconds = Field(
        7 * 86400.0, description="Time without a request after which a browser must log in again."
    )
    jwt_issuer: str = Field(
        "off", description="Issuer (iss) of the JWTs of an identity provider, or off."
    )
    jwt_audience: str = Field("off", description="Audience (aud) that they must be for.")
    jwt_jwks: str = Field(
        "off",
        validate_default=True,
        description="The provider's keys: an https URL, or a file.",
    )

    @field_validator("auth", mode="before")
    @classmethod
    def _refuse_auto(cls, auth: object) -> object:
        if auth == "auto":
            raise ValueError(
                f"the value auto was removed. Set {PREFIX}AUTH=required, which is the default, or "
                f"{PREFIX}AUTH=off for a server that only programs on this machine use."
            )
        return auth

    @field_validator("auth")
    @classmethod
    def _off_only_on_loopback(cls, auth: str, info: ValidationInfo) -> str:
        host = info.data.get("host", "localhost")
        if auth == "off" and not all(map(is_loopback, split_hosts(host))):
            raise ValueError(
                f"refusing to listen on {host} without accounts, since anyone who reaches the "
                f"port could upload and delete. Set {PREFIX}AUTH=required, or "
                f"{PREFIX}HOST=127.0.0.1."
            )
        if auth == "off" and info.data.get("trusted_proxies"):
            raise ValueError(
                f"behind a proxy every visitor could upload and delete. Set {PREFIX}AUTH=required, "
                f"or no trusted_proxies."
            )
        return auth

    @field_validator("jwt_jwks")
    @classmethod
    def _all_or_none(cls, jwks: str, info: ValidationInfo) -> str:
        given = {"jwt_issuer": info.data.get("jwt_issuer"),
                 "jwt_audience": info.data.get("jwt_audience"), "jwt_jwks": jwks}  # fmt: skip
        missing = [name for name, value in given.items() if value == "off"]
        if missing and len(missing) < len(given):
            raise ValueError(
                f"jwt_issuer, jwt_audience and jwt_jwks are set together; {missing[0]} is not"
            )
        if re.search(r"\s", str(given["jwt_issuer"])):  # users are kept as "issuer subject"
            raise ValueError("jwt_issuer holds white space")
        if "://" in jwks and not is_safe_url(jwks):
            raise ValueError("keys are fetched by https, or by http from this machine")
        if "://" in jwks and "@" in urlsplit(jwks).netloc:
            raise ValueError("public keys need no user name or password; the URL must have none")
        return jwks

    @property
    def has_accounts(self) -> bool:
        """Whether requests need a key or token, except for what is public."""
        return self.auth == "required"


class OidcSettings(BaseModel):
    """The identity provider where browsers log in, and this service as its client."""

    oidc_client_id: str = Field("off", description="Id of this service at the provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Its secret; none for a public client."
    )
    oidc_client_secret_file: Path | None = Field(
        None, description="File with this secret instead, such as a mounted one."
    )
    oidc_issuer: str = Field(
        "off",
        validate_default=True,
        description="Issuer URL of the provider where browsers log in, or off.",
    )

    @property
    def oidc_host(self) -> str:
        """The host of the provider; empty for none."""
        return "" if self.oidc_issuer == "off" else urlsplit(self.oidc_issuer).netloc

    @field_validator("oidc_issuer")
    @classmethod
    def _is_complete(cls, issuer: str, info: ValidationInfo) -> str:
        given = info.data
        client_id = given.get("oidc_client_id", "off")
        if issuer == "off":
            if client_id != "off":
                raise ValueError("is required with oidc_client_id")
            return issuer
        if not is_safe_url(issuer) or re.search(r"[\s?#@]", issuer):
            raise ValueError("must be an https URL without query or user, or http on this machine")
        if client_id == "off":
            raise ValueError("requires oidc_client_id")
        if given.get("oidc_client_secret") and given.get("oidc_client_secret_file"):
            raise ValueError("takes oidc_client_secret or oidc_client_secret_file, not both")
        if given.get("public_url", "off") == "off":
            raise ValueError("requires public_url, to which the provider sends browsers back")
        if given.get("auth") == "off":
            raise ValueError("requires auth = required")
        return issuer
