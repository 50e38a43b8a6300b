"""The command `imagesvc upload`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def upload(  # noqa: PLR0913, PLR0917  # each is an option
    files: Annotated[list[Path], typer.Argument(help="The files.", exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="The service: https://images.example.org")],
    key: Annotated[
        str | None, typer.Option(help="API key or token.", envvar="IMAGESVC_KEY")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of each.")] = "",
    tags: Annotated[str, typer.Option(help="Tags of each, with commas between.")] = "",
    wait: Annotated[bool, typer.Option(help="Until the variants are made.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """Upload files to a service; print the id and URL of each.

    The exit status is 1 when any of them failed, and the others are uploaded all the same.
    """
    from imagesvc.client import Client  # noqa: PLC0415  # a server's start needs no HTTP client
    from imagesvc.uploader import Uploader  # noqa: PLC0415  # the same

    with Client(to, key=key) as client:
        uploader = Uploader(client, to, {"title": title, "tags": tags}, wait=wait, as_json=as_json)
        if uploader.upload_all(files):
            raise typer.Exit(1)
