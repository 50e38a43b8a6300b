"""Secrets of settings, or in files that settings name, such as those that a container mounts."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from imagesvc.errors import Unavailable, text_of


class SecretUnusable(Unavailable):
    """The file of a secret cannot be used."""


def secret_of(
    given: SecretStr | None, path: Path | None, setting: str, encoding: str = "utf-8"
) -> str | None:
    """The secret that settings give, or the one in the file that they name; None without both.

    Args:
        given: the secret.
        path: its file.
        setting: the name of the setting that names the file.
        encoding: of the file.

    Raises:
        SecretUnusable: the file cannot be read, or does not hold one line with a secret.
    """
    if path is not None:
        return secret_in(path, setting, encoding)
    return None if given is None else given.get_secret_value()


def secret_in(path: Path, setting: str, encoding: str = "utf-8") -> str:
    """The secret in the file of a setting: one line.

    Raises:
        SecretUnusable: the file cannot be read, or has no such line.
    """
    try:
        secret = path.read_text(encoding).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnusable(f"{setting}: {text_of(error)}.") from error
    if not secret or not secret.isprintable():
        raise SecretUnusable(f"{setting}: {path} does not hold one line with a secret.")
    return secret
