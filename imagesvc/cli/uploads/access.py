"""The service that a command sends files to, and the credential for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from imagesvc.auth.principals import Scope
from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_store
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import running_server
from imagesvc.syntax.hosts import is_loopback

LOGIN_LIFETIME = timedelta(days=1)
"""The lifetime of a login that a command makes and ends, unless it is killed."""
INTERRUPTED = 130
"""The exit status of shells for a command that SIGINT ended."""


@contextlib.contextmanager
def access(
    to: str | None, key: str | None, data_dir: Path | None, scopes: frozenset[Scope]
) -> Iterator[tuple[str, str | None]]:
    """The URL to use, and its credential: the given one, or one of a new login.

    A login is made only for the server that holds the lock of the data directory, and sent only to
    the address that it published there: another program may listen at the given URL.
    """
    if to is not None and (key is not None or not is_loopback(urlsplit(to).hostname or "")):
        yield to, key
        return
    settings = load_settings(data_dir=data_dir)
    url = running_server(DataDir(settings.data_dir.absolute()).server_lock)
    if to is not None and (url is None or _port(url) != _port(to)):
        yield to, None
        return
    if url is None:
        raise SettingsError(
            f"no server runs on the data directory {settings.data_dir.absolute()}. "
            "Name that of the server with --data-dir, or the server with --to URL."
        )
    if key is not None:
        yield url, key
        return
    with _login(settings, scopes) as token:
        yield url, token


@contextlib.contextmanager
def _login(settings: Settings, scopes: frozenset[Scope]) -> Iterator[str | None]:
    """An access token of the first admin for as long as the command runs; None without users."""
    token = on_store(settings, partial(_begin, scopes=scopes))
    try:
        yield token
    finally:
        if token is not None:
            on_store(settings, partial(_end, token=token), may_use_reserve=True)


async def _begin(service: Parts, *, scopes: frozenset[Scope]) -> str | None:
    admin = await service.accounts.users.first_admin()
    if admin is None:
        return None
    logins = service.accounts.logins.lasting(LOGIN_LIFETIME)
    return (await logins.begin(admin, scopes)).access_token


async def _end(service: Parts, *, token: str) -> None:
    await service.accounts.logins.revoke(token)


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
