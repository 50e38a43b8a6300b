"""The secret that nodes have in common, from which all keys are derived."""

from __future__ import annotations

from imagesvc.service.secret_files import SecretUnusable, secret_of
from imagesvc.settings.cluster import check_secret
from imagesvc.settings.settings import Settings


def shared_secret_of(settings: Settings) -> bytes | None:
    """The secret of the settings; None with a data directory that has its own.

    Raises:
        SecretUnusable: its file cannot be read, or has no such secret.
    """
    if settings.is_embedded:
        return None
    path = settings.secret_key_file
    secret = secret_of(settings.secret_key, path, "secret_key_file", "ascii")
    assert secret is not None  # noqa: S101  # the settings have one of both
    try:
        return check_secret(secret)
    except ValueError as error:
        raise SecretUnusable(f"secret_key_file: {path} {error}.") from error
