"""The command `worker`."""

from __future__ import annotations

from imagesvc.cli.loading import load_settings
from imagesvc.cli.options import (
    DataDirOption,
    LogFormatOption,
    LogLevelOption,
    SetOption,
    WorkersOption,
)
from imagesvc.cli.running.serving import check_tracing
from imagesvc.logs import configure_logs
from imagesvc.server.running import run_worker
from imagesvc.service.engine.transforms import read_watermarks
from imagesvc.service.worker import WorkerService
from imagesvc.settings.sources import SettingsError
from imagesvc.tracing.switch import traced


def worker(
    data_dir: DataDirOption = None,
    workers: WorkersOption = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    settings_given: SetOption = None,
) -> None:
    """Run the jobs of servers with database_url, until SIGTERM or SIGINT."""
    settings = load_settings(
        settings_given or (), (read_watermarks, check_tracing),
        data_dir=data_dir, workers=workers, log_format=log_format, log_level=log_level,
    )  # fmt: skip
    if settings.is_embedded:
        raise SettingsError("database_url: without it, the server runs its jobs itself.")
    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    with traced(is_on=settings.tracing):
        run_worker(WorkerService(settings))
