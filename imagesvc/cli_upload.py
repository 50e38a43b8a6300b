"""`imagesvc upload`: files to a service anywhere, with a progress bar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from imagesvc.client import Client, Image
from imagesvc.client.calls import Fields
from imagesvc.errors import ImagesvcError


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
    fields = Fields(title=title, tags=tags)
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TimeRemainingColumn(), console=console, disable=not console.is_terminal,
    )  # fmt: skip
    failed = 0
    with Client(to, key=key) as client, bar:
        for path in files:
            try:
                image = _uploaded(client, path, fields, bar)
                if wait and image.job is not None:
                    client.wait(image.job.id, timeout=600)
            except (ImagesvcError, httpx.HTTPError, OSError) as error:
                failed += 1
                console.print(f"{path}: {error}", markup=False, highlight=False, soft_wrap=True)
                continue
            typer.echo(_line(path, image, to, as_json=as_json))
    if failed:
        raise typer.Exit(1)


def _uploaded(client: Client, path: Path, fields: Fields, bar: Progress) -> Image:
    task = bar.add_task(path.name, total=path.stat().st_size)
    return client.upload(
        path,
        on_progress=lambda sent, total: bar.update(task, completed=sent, total=total),
        **fields,
    )


def _line(path: Path, image: Image, to: str, *, as_json: bool) -> str:
    url = f"{to.rstrip('/')}{image.urls.original}"
    if as_json:
        return json.dumps({"file": str(path), "id": str(image.id), "url": url})
    return f"{image.id}  {url}"
