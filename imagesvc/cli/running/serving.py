"""The command `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagesvc.app.app import create_app
from imagesvc.cli.loading import load_settings
from imagesvc.cli.options import (
    DataDirOption,
    LogFormatOption,
    LogLevelOption,
    SetOption,
    WorkersOption,
)
from imagesvc.logs import configure_logs
from imagesvc.server.bounds import fitting_bounds
from imagesvc.server.listening.sockets import sockets_of
from imagesvc.server.protocol import bounded
from imagesvc.server.running import run_server
from imagesvc.service.engine.transforms import read_watermarks
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.tracing.switch import MISSING, is_installed, traced


def serve(  # noqa: PLR0913, PLR0917  # each is an option
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: DataDirOption = None,
    workers: WorkersOption = None,
    auth: Annotated[str | None, typer.Option(help="required, or off: without accounts.")] = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    settings_given: SetOption = None,
) -> None:
    """Run the service until SIGTERM or SIGINT."""
    settings = load_settings(
        settings_given or (), (read_watermarks, check_tracing),
        host=host, port=port, data_dir=data_dir, workers=workers, auth=auth,
        log_format=log_format, log_level=log_level,
    )  # fmt: skip
    if (host, port) != (None, None) and (settings.uds is not None or settings.fd != "off"):
        raise SettingsError("--host and --port have no effect with uds or fd; leave them out.")
    as_json = configure_logs(settings.log_format, settings.log_level, settings.node_name)
    bounds, backlog = fitting_bounds(settings)
    service = Service(settings)
    service.claim_data_dir()
    sockets = sockets_of(settings)
    app = create_app(service, logs_as_json=as_json)
    connection = bounded(bounds, app.inline, app.cors, app.access)
    with traced(is_on=settings.tracing):
        run_server(app.asgi, connection, service, sockets, backlog)


def check_tracing(settings: Settings) -> None:
    """Raises SettingsError if traces are wanted and what they need is not installed."""
    if settings.tracing and not is_installed():
        raise SettingsError(MISSING)
