"""The command `imagesvc upload`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagesvc.auth.principals import Scope
from imagesvc.cli.options import DataDirOption, ToOption
from imagesvc.cli.uploads.access import INTERRUPTED, access
from imagesvc.model.images import Visibility
from imagesvc.settings.quantities import option_seconds

SCOPES = frozenset({Scope.READ, Scope.UPLOAD})


def upload(  # noqa: PLR0913, PLR0917  # each is an option
    files: Annotated[
        list[Path],
        typer.Argument(help="Files, and folders whose images are sent.", exists=True),
    ],
    to: ToOption = None,
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
        access(to, key, data_dir, SCOPES) as (url, credential),
        Client(url, key=credential) as client,
    ):
        fields: Fields = {"title": title, "tags": tags}
        if visibility is not None:
            fields["visibility"] = visibility.value
        if expires_in is not None:
            fields["expires_in"] = max(1, int(option_seconds("--expires-in", expires_in)))
        uploader = Uploader(client, url, fields, wait=wait, as_json=as_json)
        outcome = uploader.upload_all(listing)
    if outcome.is_interrupted:
        raise typer.Exit(INTERRUPTED)
    if not outcome.is_complete:
        raise typer.Exit(1)
