"""The command `imagesvc upload`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from imagesvc.auth.principals import Scope
from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_store
from imagesvc.cli.options import DataDirOption
from imagesvc.model.images import Visibility
from imagesvc.service.parts import Parts
from imagesvc.settings.quantities import seconds
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import running_server
from imagesvc.syntax.hosts import is_loopback

LOGIN_LIFETIME = timedelta(days=1)
"""The lifetime of a login that a command makes and ends, unless it is killed."""
INTERRUPTED = 130
"""The exit status of shells for a command that SIGINT ended."""
SCOPES = frozenset({Scope.READ, Scope.UPLOAD})


def upload(  # noqa: PLR0913, PLR0917  # each is an option
    files: Annotated[
        list[Path],
        typer.Argument(help="Files, and folders whose images are sent.", exists=True),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            help="The service: https://images.example.org. Default: that of the data directory.",
            envvar="IMAGESVC_URL",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="API key or token. Not needed with --data-dir on the server's machine.",
            envvar="IMAGESVC_KEY",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of each.")] = "",
    tags: Annotated[str, typer.Option(help="Tags of each image, separated by commas.")] = "",
    visibility: Annotated[
        Visibility | None,
        typer.Option(
            help="Visibility of the images. Default: that of the service, private with accounts."
        ),
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="Time until the images are deleted, such as 7d.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the variants are made.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each file.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Upload files and folders of images to a service; print the id and URL of each.

    A file that is sent several times within a day with the same name and options makes one image:
    an interrupted command can be repeated.

    Exit status: 0 when the service has every file, 1 when some failed or were not sent, 2 when no
    upload could start, 130 after Ctrl-C.
    """
    from imagesvc.cli.uploads.files import listed  # noqa: PLC0415  # the same
    from imagesvc.cli.uploads.uploader import Uploader  # noqa: PLC0415  # the same
    from imagesvc.client import Client  # noqa: PLC0415  # a server's start needs no HTTP client
    from imagesvc.client.parameters import Fields  # noqa: PLC0415  # the same

    listing = listed(files)
    with (
        _access(to, key, data_dir) as (url, credential),
        Client(url, key=credential) as client,
    ):
        fields: Fields = {"title": title, "tags": tags}
        if visibility is not None:
            fields["visibility"] = visibility.value
        if expires_in is not None:
            fields["expires_in"] = max(1, int(seconds(expires_in)))
        uploader = Uploader(client, url, fields, wait=wait, as_json=as_json)
        outcome = uploader.upload_all(listing)
    if outcome.is_interrupted:
        raise typer.Exit(INTERRUPTED)
    if not outcome.is_complete:
        raise typer.Exit(1)


@contextlib.contextmanager
def _access(
    to: str | None, key: str | None, data_dir: Path | None
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
    with _login(settings) as token:
        yield url, token


@contextlib.contextmanager
def _login(settings: Settings) -> Iterator[str | None]:
    """An access token of the first admin for as long as the command runs; None without users."""
    token = on_store(settings, _begin)
    try:
        yield token
    finally:
        if token is not None:
            on_store(settings, partial(_end, token=token))


async def _begin(service: Parts) -> str | None:
    admin = await service.accounts.users.first_admin()
    if admin is None:
        return None
    logins = service.accounts.logins.lasting(LOGIN_LIFETIME)
    return (await logins.begin(admin, SCOPES)).access_token


async def _end(service: Parts, *, token: str) -> None:
    await service.accounts.logins.revoke(token)


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
