"""All checks, in the order in which they are shown.

Nothing is changed, made or repaired, but two objects in a bucket, which are removed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from imagesvc.errors import text_of
from imagesvc.library.doctor import data, network, system
from imagesvc.library.doctor.findings import Check, Finding, error, findings_of
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir, DataDirClosed, NoDataDir, RestoreUnfinished


def examine(
    settings: Settings, check_shared: Callable[[], int], check_bucket: Callable[[], Sequence[str]]
) -> Iterator[Finding]:
    """The findings of an installation with these settings, as they are found.

    Args:
        settings: of the installation.
        check_shared: raises what is wrong with the database that nodes share, and returns the
            number of workers; only called if the settings have one.
        check_bucket: the same for the bucket of originals and variants; it returns the actions that
            are not permitted there.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    yield from _all(
        {
            "versions": system.versions,
            **({"sqlite": system.sqlite} if settings.is_embedded else {}),
            "codecs": system.codecs,
            "open_files": system.open_files,
            "memory": partial(system.memory, settings),
            "sandbox": partial(system.sandbox, settings),
            "auth": partial(network.accounts, settings),
            "provider": partial(network.providers, settings),
        }
    )
    if not settings.is_embedded:
        yield from _all(_of_node(settings, data_dir, check_shared, check_bucket))
        return
    try:
        data_dir.require()
    except RestoreUnfinished as failure:
        yield error("data_dir", text_of(failure), "docs/backup.md has each step of a restore.")
        return
    except DataDirClosed as failure:
        yield error("permissions", failure.reason, failure.remedy)
        return
    except (NoDataDir, OSError) as failure:
        remedy = "Start the server once, or name the directory with --data-dir."
        yield error("data_dir", text_of(failure), remedy)
        return
    yield from _all(
        {
            "data_dir": partial(data.directory, data_dir),
            "secret": partial(data.secret, data_dir),
            "disk": partial(data.disk, data_dir, settings),
            "database": partial(data.database, data_dir),
            "clock": partial(data.clock, data_dir),
            "backup": partial(data.backups, data_dir),
            "server": partial(network.server, data_dir),
        }
    )


def _of_node(
    settings: Settings,
    data_dir: DataDir,
    check_shared: Callable[[], int],
    check_bucket: Callable[[], Sequence[str]],
) -> dict[str, Check]:
    """What several nodes share, and the disk of this one if it has run."""
    checks: dict[str, Check] = {"database": partial(data.shared_database, check_shared)}
    if settings.blob_url is not None:
        checks["bucket"] = partial(data.bucket, check_bucket)
    if data_dir.is_there():
        checks["disk"] = partial(data.space, data_dir, settings)
    return checks


def _all(checks: dict[str, Check]) -> Iterator[Finding]:
    for name, check in checks.items():
        yield from findings_of(name, check)
