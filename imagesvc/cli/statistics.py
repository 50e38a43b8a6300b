"""The command `stats`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from imagesvc.api.administration.statistics import statistics_of
from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_database
from imagesvc.cli.options import TO, DataDirOption
from imagesvc.cli.remote import client_of
from imagesvc.library.housekeeping.statistics import Overview, Overviews
from imagesvc.settings.settings import Settings
from imagesvc.store.cdn.purges import PurgeQueue
from imagesvc.store.db.database import Database
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.statistics.counts import Statistics as StatisticsStore

if TYPE_CHECKING:
    from imagesvc.client.statistics import Amount, Statistics


def stats(
    data_dir: DataDirOption = None,
    to: Annotated[
        str | None, typer.Option(*TO, envvar="IMAGESVC_URL", help="The service to ask.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="IMAGESVC_KEY", help="API key of an admin, with --to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what is stored, by status, owner and format.

    Without --to, it reads the database of the data directory, whether a server runs or not. It
    writes nothing, so it works on a full disk.
    """
    if to is not None:
        with client_of(to, key) as client:
            found = client.statistics()
    else:
        found = _of_data_dir(load_settings(data_dir=data_dir))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _print(found)


def _of_data_dir(settings: Settings) -> Statistics:
    from imagesvc.client.statistics import Statistics  # noqa: PLC0415  # as `upload`

    data_dir = DataDir(settings.data_dir.absolute())
    shown = statistics_of(on_database(settings, partial(_read, data_dir)), None)
    return Statistics.model_validate_json(shown.model_dump_json())


async def _read(data_dir: DataDir, database: Database) -> Overview:
    return await Overviews(
        database, StatisticsStore(database), PurgeQueue(database), data_dir
    ).now()


def _print(found: Statistics) -> None:
    console = Console()
    table = Table(box=None)
    for name in ("", "count", "bytes"):
        table.add_column(name, justify="left" if not name else "right")
    files = found.files
    for name, amount in (
        ("images", found.images),
        ("in the trash", found.trash),
        ("files of originals", files.originals),
        ("mezzanines", files.mezzanines),
        ("variants", files.variants),
    ):
        table.add_row(name, *_cells(amount))
    table.add_row("database", "", f"{files.database_bytes:,}")
    table.add_row("free on the disk", "", f"{files.free_bytes:,}")
    for status, count in found.jobs.items():
        table.add_row(f"jobs {status}", f"{count:,}", "")
    table.add_row("purges that wait for the CDN", f"{found.cdn.waiting:,}", "")
    console.print(table)
    console.print()
    console.print(_by_owner(found))


def _by_owner(found: Statistics) -> Table:
    table = Table(box=None)
    table.add_column("owner")
    table.add_column("format")
    for name in ("images", "bytes", "in the trash", "bytes", "variants", "bytes"):
        table.add_column(name, justify="right")
    for row in found.storage:
        amounts = (row.originals, row.trash, row.variants)
        cells = [cell for amount in amounts for cell in _cells(amount)]
        table.add_row(row.owner or "-", row.format, *cells)
    return table


def _cells(amount: Amount) -> tuple[str, str]:
    return f"{amount.count:,}", f"{amount.bytes:,}"
