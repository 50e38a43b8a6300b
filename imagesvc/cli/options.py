"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.files.data_dir import DataDir

DataDirOption = Annotated[
    Path | None, typer.Option(help="Where everything is stored.", readable=False)
]
"""A directory that this user may not read is described by `DataDir.require`."""
TO = ("--to", "--url")
"""Of commands that use a service; `--url` is another name of `--to`."""


def embedded_data_dir(settings: Settings, instead: str) -> DataDir:
    """The data directory, for a command on one with its database in it.

    Raises:
        SettingsError: the database is elsewhere; the text says what to do instead.
    """
    if not settings.is_embedded:
        raise SettingsError(f"database_url: with it, the database is PostgreSQL's. {instead}")
    return DataDir(settings.data_dir.absolute())


ToOption = Annotated[
    str | None,
    typer.Option(
        *TO,
        help="The service: https://images.example.org. Default: that of the data directory.",
        envvar="IMAGESVC_URL",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, written as in a variable."),
]
