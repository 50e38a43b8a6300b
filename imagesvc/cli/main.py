"""The command line: parses arguments and calls one function for each command."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc as gc_module
import math
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlencode

import structlog
import typer
import uvicorn
from rich.console import Console

from imagesvc.app import api_document, create_app
from imagesvc.cli.accounts import key_commands, user_commands
from imagesvc.cli.loading import load_settings, toml_text
from imagesvc.cli.offline import on_store
from imagesvc.cli.upload import upload
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.library.check import Report, check_data
from imagesvc.library.garbage import Orphans
from imagesvc.logs import configure_logs
from imagesvc.server import allocator, descriptors, signals
from imagesvc.server.connections import Bounds
from imagesvc.server.listening import CannotListen, bound_sockets
from imagesvc.server.middleware.forwarded import is_within
from imagesvc.server.protocol import bounded
from imagesvc.service import Service, read_admin_key, read_watermarks
from imagesvc.settings.quantities import seconds
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.expected import HINT as SCHEMA_HINT
from imagesvc.store.db.migrate import NEWER_HINT
from imagesvc.store.files.data_dir import DataDir
from imagesvc.syntax.hosts import split_hosts

log = structlog.get_logger()

cli = typer.Typer(
    help="A self-hosted image service.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
cli.add_typer(user_commands, name="user")
cli.add_typer(key_commands, name="key")
MAX_HEADER_FIELDS = 100
IMAGE_PATH = re.compile(r"/images/[^/]+(/[^/]+)?|/blurred-images/[^/]+")
"""Of URLs that may be signed."""
IPV4 = 4
DataDirOption = Annotated[Path | None, typer.Option(help="Where everything is stored.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, written as in a variable."),
]


def run() -> int:
    """Run the command that `sys.argv` names; its exit status."""
    try:
        cli(standalone_mode=True)
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


@cli.command()
def serve(  # noqa: PLR0913, PLR0917  # each is an option
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: DataDirOption = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    auth: Annotated[str | None, typer.Option(help="required, or off: without accounts.")] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, text or json.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
    settings_given: SetOption = None,
) -> None:
    """Run the service until SIGTERM or SIGINT."""
    settings = load_settings(
        settings_given or (), (read_watermarks,),
        host=host, port=port, data_dir=data_dir, workers=workers, auth=auth,
        log_format=log_format, log_level=log_level,
    )  # fmt: skip
    as_json = configure_logs(settings.log_format, settings.log_level)
    service = Service(settings)
    service.claim_data_dir()
    sockets = bound_sockets(split_hosts(settings.host), settings.port)
    app = create_app(service, logs_as_json=as_json)
    bounds, backlog = _fitting(settings)
    config = uvicorn.Config(
        app.asgi,
        loop="uvloop",
        http=bounded(bounds, app.inline, app.cors, app.refused),
        backlog=backlog,
        ws="none",
        timeout_keep_alive=math.ceil(settings.keep_alive_timeout),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
    )
    _spare_the_garbage_collector()
    allocator.use_few_arenas()
    _Server(config, service).run(sockets)


@cli.command()
def config(data_dir: DataDirOption = None, settings_given: SetOption = None) -> None:
    """Print the settings in force as an imagesvc.toml, secrets masked."""
    settings = load_settings(settings_given or (), (read_watermarks,), data_dir=data_dir)
    read_admin_key(settings)
    for name, value in settings.shown().items():
        typer.echo(f"# {name} is not set" if value is None else f"{name} = {toml_text(value)}")


cli.command()(upload)


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    sys.stdout.write(api_document().decode())


@cli.command()
def sign(
    url: Annotated[str, typer.Argument(help="A path with its query: /images/ID?w=400")],
    expires_in: Annotated[
        str | None, typer.Option(help="Time it is valid, such as 1h. Default: forever.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Id of the key; default: the first.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print the signed URL of an image's path; without --expires-in it is valid forever.

    Only another secret.key, or a removed key of the setting signing_keys, ends it then.
    """
    settings = load_settings(data_dir=data_dir)
    signer = Service(settings, is_offline=True).signer
    if key is not None and key not in signer.keys:
        raise SettingsError(f"signing_keys: there is no key {key!r}")
    expires_at = None
    if expires_in is not None:
        expires_at = int(time.time() + seconds(expires_in))
    path, _, query = _below(url, settings).partition("?")
    if not IMAGE_PATH.fullmatch(path):
        raise SettingsError(f"{url}: sign the path of an image, such as /images/ID?w=400")
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = signer.sign(unquote(path), pairs, expires_at=expires_at, key_id=key)
    shown = f"{settings.base_url}{path}?{urlencode(signed)}"
    Console(soft_wrap=True).print(shown, markup=False, highlight=False)


@cli.command()
def check(
    data_dir: DataDirOption = None,
    repair: Annotated[bool, typer.Option(help="Move damaged blobs to quarantine/.")] = False,
) -> None:
    """Verify the database, every blob against its digest, and every row against its blob.

    Exit status: 0 when all is sound, 1 when something is damaged, 2 when it cannot be checked.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings.log_format, settings.log_level)
    report = asyncio.run(check_data(DataDir(settings.data_dir.absolute()), repair=repair))
    _print_report(report)
    if not report.is_sound:
        raise typer.Exit(1)


@cli.command()
def gc(
    data_dir: DataDirOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be removed.")] = False,
    grace: Annotated[str | None, typer.Option(help="Spare what is younger; such as 10m.")] = None,
) -> None:
    """Remove what no row points at: blobs, variants and uploads that a crash left."""
    settings = load_settings(data_dir=data_dir, gc_grace=grace)
    found = on_store(settings, functools.partial(_collect, dry_run=dry_run))
    verb = "would be removed" if dry_run else "removed"
    Console().print(
        f"{found.blobs} blobs ({found.blob_bytes:,} bytes), {found.variants} variants, "
        f"{found.uploads} unfinished uploads and {found.slots} expired upload URLs {verb}.",
        soft_wrap=True,
    )


def _below(url: str, settings: Settings) -> str:
    """What of a URL is signed: not what the service's URLs begin with."""
    for beginning in (settings.base_url, settings.prefix):
        if beginning and url.startswith((f"{beginning}/images/", f"{beginning}/blurred-images/")):
            return url.removeprefix(beginning)
    return url


def connection_bounds(settings: Settings) -> Bounds:
    """What the settings allow a connection."""
    return Bounds(
        header_seconds=settings.header_timeout,
        send_seconds=settings.send_timeout,
        header_bytes=settings.max_header_size,
        header_count=MAX_HEADER_FIELDS,
        url_bytes=settings.max_url_size,
        connections=settings.max_connections,
        lingering=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        unsent_bytes=settings.max_unsent_size,
        is_proxy=lambda address: is_within(address, settings.trusted_proxies),
    )


def _fitting(settings: Settings) -> tuple[Bounds, int]:
    """The bounds of connections that the limit of open files has room for, and the backlog."""
    limit = descriptors.raise_limit()
    room = descriptors.room_for(settings.max_connections, settings.workers, limit)
    if room.connections < settings.max_connections:
        log.warning(
            "max_connections is lowered to what the limit of open files (ulimit -n) has room for",
            action="connection.limit",
            connections=room.connections,
            open_files=limit,
        )
    bounds = connection_bounds(settings)
    bounds = replace(bounds, connections=room.connections, lingering=room.backlog)
    return bounds, room.backlog


def _url(host: str, port: int) -> str:
    """The URL by which programs on this machine reach a listening socket."""
    if (address := ip_address(host)).is_unspecified:
        address = ip_address("127.0.0.1" if address.version == IPV4 else "::1")
    return f"http://{address}:{port}" if address.version == IPV4 else f"http://[{address}]:{port}"


def _spare_the_garbage_collector() -> None:
    """Let it pass over what lives as long as the process, and come less often.

    A request leaves next to no cycles; looking for them cost a tenth of its time.
    """
    gc_module.freeze()
    gc_module.set_threshold(20_000, 50, 50)


class _Server(uvicorn.Server):
    """Tells the service where it listens, and of a stop before connections have drained."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and announce the address, where connections are accepted only now."""
        try:
            await super().startup(sockets)
        except OSError as error:  # another program was faster to listen on a port
            await self.lifespan.shutdown()
            raise CannotListen(f"cannot listen: {text_of(error)}") from error
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._service.announce(_url(host, port))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGHUP and others, too."""
        with super().capture_signals(), signals.handled(self.handle_exit):
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop claiming jobs, then stop; a second Ctrl-C does not wait.

        Unlike uvicorn's, this does not raise the signal again at the end: a stop that was asked
        for and went well is exit status 0.
        """
        del frame
        self._service.begin_stop()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


async def _collect(service: Service, *, dry_run: bool) -> Orphans:
    grace = service.settings.gc_grace
    return await service.collector.collect(grace_seconds=grace, dry_run=dry_run)


def _print_report(report: Report) -> None:
    console = Console()
    console.print(f"{report.verified} blobs verified ({report.bytes:,} bytes).")
    for title, found in (
        ("damaged", report.damaged),
        ("missing", report.missing),
        ("without a row (run gc)", report.without_row),
        ("moved to quarantine", report.quarantined),
        ("denied", report.denied),
    ):
        for item in found:
            console.print(f"{title}: {item}", soft_wrap=True, markup=False, highlight=False)
    for fault in report.secret:
        console.print(f"secret: {fault}", soft_wrap=True, markup=False, highlight=False)
    if report.denied:
        console.print("Run the command as the user that runs the server.")
    for faults, next_steps in (
        (report.database, NEXT_STEPS),
        (report.newer, NEWER_HINT),
        (report.schema, SCHEMA_HINT),
    ):
        for fault in faults:
            console.print(f"database: {fault}", soft_wrap=True, markup=False, highlight=False)
        if faults:
            console.print(next_steps, soft_wrap=True, markup=False, highlight=False)
    console.print("sound" if report.is_sound else "NOT SOUND")
