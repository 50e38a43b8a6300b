"""Users, their credentials, and how much they may keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagesvc.model.ids import KeyId, LoginId, UserId


@dataclass(frozen=True, slots=True)
class Quota:
    """How much an owner may keep; None for any number."""

    images: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much an owner keeps, and may keep."""

    images: int
    bytes: int
    quota: Quota


@dataclass(frozen=True, slots=True)
class User:
    """Someone with images of their own."""

    id: UserId
    name: str
    password_hash: str | None  # of argon2; None: keys or an identity provider alone
    is_admin: bool
    is_disabled: bool
    created_at: datetime
    image_count: int = 0
    image_bytes: int = 0
    quota_images: int | None = None  # instead of those in the settings
    quota_bytes: int | None = None
    subject: str | None = None
    """Issuer and subject of a user whom an identity provider knows."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential for programs; of its secret only the hash is kept."""

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
    """One use of a password: a family of tokens, of whose refresh tokens the newest is good."""

    id: LoginId
    user_id: UserId
    refresh_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
