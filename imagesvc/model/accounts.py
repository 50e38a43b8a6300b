"""Users, their credentials, and their quotas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagesvc.model.ids import KeyId, LoginId, SessionId, UserId


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of an owner; None for no limit."""

    images: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage and the quota of an owner."""

    images: int
    bytes: int
    quota: Quota


@dataclass(frozen=True, slots=True)
class User:
    """A user, who owns images."""

    id: UserId
    name: str
    password_hash: str | None  # of argon2; None: only keys or an identity provider
    is_admin: bool
    is_disabled: bool
    created_at: datetime
    image_count: int = 0
    image_bytes: int = 0
    quota_images: int | None = None  # override those in the settings
    quota_bytes: int | None = None
    subject: str | None = None
    """Issuer and subject of a user of an identity provider."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential for programs; only the hash of its secret is stored."""

    id: KeyId
    user_id: UserId
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """One use of a password: a family of tokens; only its newest refresh token is valid."""

    id: LoginId
    user_id: UserId
    refresh_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in of a browser, which sends the secret of the session as a cookie."""

    id: SessionId
    user_id: UserId
    token_sha256: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
