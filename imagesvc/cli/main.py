"""The command line: parses arguments and calls one function for each command."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from imagesvc.cli.accounts import key_commands, user_commands
from imagesvc.cli.backup import backup, restore
from imagesvc.cli.doctor import doctor
from imagesvc.cli.importing.command import import_files
from imagesvc.cli.maintenance import check, gc, migrate
from imagesvc.cli.printing import config, openapi
from imagesvc.cli.running.serving import serve
from imagesvc.cli.running.setup_link import setup_link
from imagesvc.cli.running.worker import worker
from imagesvc.cli.signing import sign
from imagesvc.cli.sources import source_commands
from imagesvc.cli.statistics import stats
from imagesvc.cli.uploads.command import upload
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.server.listening.addresses import CannotListen
from imagesvc.settings.sources import SettingsError

cli = typer.Typer(
    help="A self-hosted image service.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
for command in (
    serve, worker, config, setup_link, upload, openapi, sign, check, gc, stats, backup, restore,
    doctor, migrate,
):  # fmt: skip
    cli.command()(command)
cli.command("import")(import_files)
cli.add_typer(user_commands, name="user")
cli.add_typer(key_commands, name="key")
cli.add_typer(source_commands, name="source")


@functools.cache
def parser() -> Callable[..., object]:
    """Parses the arguments of all commands, and calls one; it is made from their signatures."""
    return typer.main.get_command(cli)


def run() -> int:
    """Run the command in `sys.argv`; returns its exit status."""
    try:
        parser()(standalone_mode=True)
    except (SettingsError, ImagesvcError, OSError) as error:
        print(f"imagesvc: {text_of(error)}", file=sys.stderr)  # noqa: T201  # logs may not be set up
        return 2
    except CannotListen as error:
        print(f"imagesvc: {error}", file=sys.stderr)  # noqa: T201  # the same
        return 3
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("imagesvc"))
        raise typer.Exit


@cli.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A self-hosted image service."""
