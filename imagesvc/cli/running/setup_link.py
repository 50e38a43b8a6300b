"""The command `setup-link`."""

from __future__ import annotations

import typer

from imagesvc.auth.sessions.setup import link_at
from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_store
from imagesvc.cli.options import DataDirOption
from imagesvc.errors import Conflict
from imagesvc.service.parts import Parts
from imagesvc.service.urls import url_for_browsers
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import running_server


def setup_link(data_dir: DataDirOption = None) -> None:
    """Print a link with which the first admin chooses a password in a browser.

    It can be used once, within 30 minutes, and replaces the last link. A running server accepts it.
    """
    settings = load_settings(data_dir=data_dir)
    if not settings.gallery:
        raise Conflict(
            "The gallery is switched off, so there is no page for a link. "
            "imagesvc user passwd gives a user a password."
        )
    lock = DataDir(settings.data_dir.absolute()).server_lock
    url = running_server(lock) or f"http://localhost:{settings.port}"
    typer.echo(link_at(url_for_browsers(settings, url), on_store(settings, _renew)))


async def _renew(service: Parts) -> str:
    return await service.accounts.setup.renew()
