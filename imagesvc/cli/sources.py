"""The command `source`: places that a running service looks at for new files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from imagesvc.auth.principals import Scope
from imagesvc.cli.options import DataDirOption, ToOption
from imagesvc.cli.remote import client_of
from imagesvc.cli.uploads.access import access
from imagesvc.logs import printable
from imagesvc.model.images import Visibility
from imagesvc.model.sources import OnVanish, SourceKind
from imagesvc.settings.quantities import option_seconds
from imagesvc.settings.sources import SettingsError

if TYPE_CHECKING:
    from imagesvc.client import Client
    from imagesvc.client.grids import Source

source_commands = typer.Typer(
    help="Watched sources of a running server: add, list, show, scan, remove.",
    no_args_is_help=True,
)
KeyOption = Annotated[
    str | None, typer.Option(help="API key with the scope admin.", envvar="IMAGESVC_KEY")
]
SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="The id of the source.")]
COUNTS = ("seen", "added", "known", "changed", "renamed", "vanished", "waiting", "failed")
POLL_SECONDS = 0.2


@source_commands.command("add")
def add_source(  # noqa: PLR0913, PLR0917  # each is an option
    address: Annotated[str, typer.Argument(help="A folder of the server, or a URL.")],
    kind: Annotated[SourceKind | None, typer.Option(help="Default: as the address looks.")] = None,
    interval: Annotated[str, typer.Option(help="Time between two scans.")] = "15m",
    collection: Annotated[
        str, typer.Option(help="Title of collections; may have {folder}, {year} and so on.")
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag of each image; repeatable.")] = None,
    visibility: Annotated[Visibility | None, typer.Option(help="Of the images.")] = None,
    on_vanish: Annotated[
        OnVanish, typer.Option(help="What is done with the image of a file that is gone.")
    ] = OnVanish.KEEP,
    owner: Annotated[
        str | None, typer.Option(help="Id of the user who gets the images. Default: you.")
    ] = None,
    to: ToOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Watch a source; prints its id. Its first scan begins now."""
    options: dict[str, Any] = {
        "interval_seconds": int(option_seconds("--interval", interval)),
        "collection": collection,
        "tags": list(tag or ()),
        "visibility": visibility,
        "on_vanish": on_vanish,
        "owner_id": owner,
    }
    with _client(to, key, data_dir) as client:
        made = client.create_source(kind or kind_of(address), address, **options)
    typer.echo(made.id)


@source_commands.command("list")
def list_sources(
    to: ToOption = None, key: KeyOption = None, data_dir: DataDirOption = None
) -> None:
    """Show every source with its last scan, the newest first."""
    table = Table("id", "kind", "address", "every", "last scan", "seen", "failed", "", box=None)
    with _client(to, key, data_dir) as client:
        for source in client.sources():
            last = source.last_scan
            table.add_row(
                str(source.id), source.kind, printable(source.address),
                f"{source.interval_seconds:,} s",
                "" if last is None else f"{last.started_at:%Y-%m-%d %H:%M}",
                "" if last is None else f"{last.seen:,}",
                "" if last is None else f"{last.failed:,}",
                _state(source),
            )  # fmt: skip
    # As wide as it must be, so that scripts find whole lines.
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else 1000).print(table)


@source_commands.command("show")
def show_source(
    source: SourceArgument,
    to: ToOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a source with its last scan as JSON."""
    with _client(to, key, data_dir) as client:
        typer.echo(client.source(source).model_dump_json(indent=2))


@source_commands.command("scan")
def scan_source(
    source: SourceArgument,
    to: ToOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Scan a source now, and print the result when the scan has ended.

    Exit status: 1 when the scan ended with an error, or files are not accepted.
    """
    with _client(to, key, data_dir) as client:
        before = client.source(source).last_scan
        found = client.scan_source(source)
        while found.is_scanning or found.last_scan is None or found.last_scan == before:
            time.sleep(POLL_SECONDS)
            found = client.source(source)
    last = found.last_scan
    counts = [f"{getattr(last, name):,} {name}" for name in COUNTS if getattr(last, name)]
    typer.echo(", ".join(counts) or "0 seen")
    for failure in last.failures:
        typer.echo(printable(failure), err=True)
    if last.error is not None:
        typer.echo(printable(last.error), err=True)
    if last.error is not None or last.failed:
        raise typer.Exit(1)


@source_commands.command("remove")
def remove_source(
    source: SourceArgument,
    to: ToOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Watch a source no more; its images stay."""
    with _client(to, key, data_dir) as client:
        client.delete_source(source)


def kind_of(address: str) -> SourceKind:
    """The kind of source that an address looks like.

    Raises:
        SettingsError: it may be of several kinds.
    """
    if address.startswith("s3://"):
        return SourceKind.S3
    if address.startswith(("http://", "https://")):
        raise SettingsError("--kind is needed for a URL: index for pages of a folder, or feed.")
    return SourceKind.FOLDER


def _state(source: Source) -> str:
    if source.is_scanning:
        return "is scanned now"
    if not source.is_enabled:
        return "disabled"
    return printable((source.last_scan and source.last_scan.error) or "")


@contextlib.contextmanager
def _client(to: str | None, key: str | None, data_dir: Path | None) -> Iterator[Client]:
    with (
        access(to, key, data_dir, frozenset({Scope.READ, Scope.ADMIN})) as (url, credential),
        client_of(url, credential) as client,
    ):
        yield client
