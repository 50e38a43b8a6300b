"""New users and keys: names, passwords, the first admin."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from imagesvc.auth.principals import Scope
from imagesvc.auth.secrets import Secret, new_key
from imagesvc.errors import InvalidRequest
from imagesvc.model.accounts import ApiKey, User
from imagesvc.model.ids import KeyId, UserId, new_id

FIRST_ADMIN = "admin"
MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_KEY_NAME = 100
USER_NAME = r"[a-z0-9][a-z0-9._@+-]{0,63}"
KEY_NAME = rf"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{MAX_KEY_NAME}}}"


def check_name(name: str) -> str:
    """A user's name in its only spelling, so that no user can imitate another.

    Raises:
        ValueError: the name is not valid.
    """
    if re.fullmatch(USER_NAME, name) is None:
        raise ValueError("must be 1 to 64 of a-z, 0-9 and ._@+-, with a letter or digit first")
    return name


def check_password(password: str) -> str:
    """A password of valid length (NIST SP 800-63B, section 5.1.1.2).

    Raises:
        ValueError: it is too short or too long.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValueError(f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return password


def check_key_name(name: str) -> str:
    """The owner's name for a key.

    Raises:
        ValueError: it is empty, too long, or holds control characters.
    """
    if re.fullmatch(KEY_NAME, name) is None:
        raise ValueError(f"must be 1 to {MAX_KEY_NAME} characters without control characters")
    return name


def made_user(name: str, password_hash: str | None, *, is_admin: bool, now: datetime) -> User:
    """A new user, to be stored."""
    return User(
        id=UserId(new_id()),
        name=name,
        password_hash=password_hash,
        is_admin=is_admin,
        is_disabled=False,
        created_at=now,
    )


def made_key(
    user_id: UserId,
    name: str,
    scopes: frozenset[Scope],
    *,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """A new key, to be stored, and the secret that is shown once.

    Raises:
        InvalidRequest: it has already expired.
    """
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("expires_at is in the past.", (("expires_at", "is in the past"),))
    key_id = KeyId(new_id())
    secret = new_key(key_id)
    key = ApiKey(
        id=key_id,
        user_id=user_id,
        name=name,
        secret_sha256=secret.sha256,
        scopes=tuple(scope for scope in Scope if scope in scopes),
        created_at=now,
        expires_at=expires_at,
    )
    return key, secret


def made_first_admin(secret: Secret, now: datetime) -> tuple[User, ApiKey]:
    """The admin of a new service and a key with this secret, both to be stored."""
    admin = made_user(FIRST_ADMIN, None, is_admin=True, now=now)
    key, _ = made_key(admin.id, "first key", frozenset(Scope), now=now)
    return admin, replace(key, id=KeyId(secret.id), secret_sha256=secret.sha256)
