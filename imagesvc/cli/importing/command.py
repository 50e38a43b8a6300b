"""The command `imagesvc import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagesvc.cli.options import TO, DataDirOption
from imagesvc.model.images import Visibility
from imagesvc.settings.quantities import option_seconds


def import_files(  # noqa: PLR0913, PLR0917  # each is an option
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files, and folders with images.", exists=True),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            *TO,
            help="The service: https://images.example.org. Default: the data directory, or the "
            "server that runs on it.",
            envvar="IMAGESVC_URL",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="API key with the scopes read and upload, and manage for collections. Not needed "
            "with --data-dir on the server's machine.",
            envvar="IMAGESVC_KEY",
        ),
    ] = None,
    collection: Annotated[
        str,
        typer.Option(
            help="Title of the collection of each file, made if there is none. May have {folder}, "
            "{parent}, {path}, {year}, {month}, {day}."
        ),
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag of each image; repeatable.")] = None,
    visibility: Annotated[
        Visibility | None, typer.Option(help="Of the images and of new collections.")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(help="Without a server: the user who gets the images. Default: first admin."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Remembers which files were read; may be deleted.", dir_okay=False),
    ] = None,
    retry_for: Annotated[
        str, typer.Option(help="The longest outage of the service that is waited for, such as 10m.")
    ] = "2m",
    dry_run: Annotated[bool, typer.Option(help="Only show what would be imported.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each file.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Import files and folders of images, with their sidecars; repeat it to go on.

    A file whose content is there already makes no second image. Titles, descriptions, tags, dates
    and places come from XMP files and from the JSON files of Google Takeout.

    Exit status: 0 when every file is there, 1 when some failed or were not sent, 2 when nothing
    could start, 130 after Ctrl-C.
    """
    from imagesvc.cli.importing.run import Options, run_import  # noqa: PLC0415  # as `upload`

    options = Options(
        paths=tuple(paths), url=to, key=key, collection=collection, tags=tuple(tag or ()),
        visibility=visibility, owner=owner, state=state, is_dry_run=dry_run, is_json=as_json,
        retry_for=option_seconds("--retry-for", retry_for), data_dir=data_dir,
    )  # fmt: skip
    if status := run_import(options):
        raise typer.Exit(status)
