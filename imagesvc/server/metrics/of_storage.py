"""Metrics of the disk and the database file; they read the file system."""

from __future__ import annotations

from pathlib import Path

from imagesvc.api.metrics import Metric
from imagesvc.errors import InsufficientStorage, Unavailable
from imagesvc.server.metrics.series import gauge
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.write_probe import WriteProbe


def storage_metrics(data_dir: DataDir, settings: Settings) -> list[Metric]:
    """No value if the data directory is missing: 0 would mean a full disk."""
    try:
        free, inodes = data_dir.free_bytes(), data_dir.free_inodes()
    except OSError:
        return []
    found = [
        gauge("disk_free_bytes", "Free bytes for data.", free),
        gauge("disk_min_free_bytes", "Uploads are refused below.", settings.min_free_space),
    ]
    if inodes is not None:
        found.append(gauge("disk_free_inodes", "Files that can still be made.", inodes))
    if (backed_up := data_dir.last_backup_at()) is not None:
        found.append(gauge("last_backup_timestamp_seconds", "Last backup.", backed_up.timestamp()))
    sizes = {"database_bytes": data_dir.database, "database_wal_bytes": data_dir.database_log}
    return found + [
        gauge(name, "Size of a file of the database.", size)
        for name, path in sizes.items()
        if (size := _size(path)) is not None
    ]


async def writable_metric(probe: WriteProbe) -> Metric:
    """Whether a file can be made; a full disk, which has metrics of its own, counts as writable."""
    is_writable = True
    try:
        await probe.check()
    except InsufficientStorage:
        pass
    except Unavailable:
        is_writable = False
    return gauge("data_dir_writable", "1 if files can be made, else 0.", is_writable)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
