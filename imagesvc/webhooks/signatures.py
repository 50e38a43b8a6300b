"""Signatures of deliveries (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hmac
import secrets

SECRET_PREFIX = "whsec_"  # noqa: S105  # no secret itself
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret for signatures."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(secret: str, message_id: str, timestamp: int, body: bytes) -> list[tuple[str, str]]:
    """The header fields that authenticate a delivery (Standard Webhooks 1.0)."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", f"v1,{signature}"),
    ]
