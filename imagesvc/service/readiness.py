"""What has to work for a service to be ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from imagesvc.errors import DatabaseDamaged, InsufficientStorage, Unavailable
from imagesvc.model.ids import utc_now
from imagesvc.service.engine.workers import Workers
from imagesvc.service.files import Files
from imagesvc.service.parts import Parts
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import FULL_BELOW, NO_INODES, shortage

Check = Callable[[], Awaitable[None]]


def checks_of(parts: Parts) -> Mapping[str, Check]:
    """The checks by name; each raises an error that says what is wrong."""
    return {
        "database": lambda: check_database(parts.stores),
        "data_dir": lambda: check_data_dir(parts.files.data_dir, parts.settings),
        "disk": lambda: check_disk(parts.files, parts.settings.min_free_space),
        "workers": lambda: check_workers(parts.workers),
        "database_writes": parts.stores.database.check_writes,
        **(_of_bucket(parts) if parts.settings.blob_url is not None else {}),
    }


def _of_bucket(parts: Parts) -> dict[str, Check]:
    return {
        "blobs": lambda: check_bucket(parts.files),
        "blob_writes": parts.files.blobs.check_room,
    }


def warnings_of(parts: Parts) -> Mapping[str, str]:
    """What an operator should look at while the service is ready."""
    found = []
    if (newest := parts.clock_watch.newest) is not None:
        found.append(f"The clock is behind what is stored ({newest:%Y-%m-%d %H:%M} UTC).")
    if parts.due_images.clock.is_held:
        found.append("The clock has jumped forward, so expired and trashed images are kept.")
    return {"clock": " ".join(found)} if found else {}


async def check_database(stores: Stores) -> None:
    """Raises `Unavailable` when the database cannot be read, or not all of it."""
    if stores.database.is_damaged:
        shown_by = stores.database.damage_shown_by
        raise DatabaseDamaged(f"The database is damaged; {shown_by} shows the details.")
    await stores.jobs.next_due_at(utc_now())


async def check_bucket(files: Files) -> None:
    """Raises `Unavailable` when the bucket cannot be used, or may be of another installation."""
    await files.blobs.check()
    if files.mark is not None:
        files.mark.require()


async def check_data_dir(data_dir: DataDir, settings: Settings) -> None:
    """Raises `Unavailable` when the data directory is missing, as with an unmounted disk."""
    lacks_database = settings.is_embedded and not data_dir.database.exists()
    if lacks_database or not data_dir.is_there():
        raise Unavailable("The data directory is missing.")


async def check_disk(files: Files, min_free_bytes: int) -> None:
    """Raises `Unavailable` when uploads are refused: no space, no inodes, read-only."""
    if (free := files.data_dir.free_bytes()) < min_free_bytes:
        raise InsufficientStorage(f"{shortage(free)}.")
    if not files.data_dir.has_inodes():
        raise InsufficientStorage(NO_INODES)
    if not files.data_dir.is_writable():
        raise Unavailable("The data directory cannot be written to.")
    await files.write_probe.check()


async def check_room(files: Files, settings: Settings) -> None:
    """Raises `Unavailable` when jobs find no room on the disk of a worker.

    With the originals in files, jobs may use the space that is kept from uploads. With a bucket,
    originals that are kept for later are removed first.
    """
    if files.downloads is None:
        await check_disk(files, FULL_BELOW)
        return
    if files.data_dir.free_bytes() < settings.min_free_space:
        await files.downloads.drop_idle()
    await check_disk(files, settings.min_free_space)


async def check_workers(workers: Workers) -> None:
    """Raises `Unavailable` when no worker runs."""
    if not workers.pool.is_started:
        raise Unavailable("The workers have not started yet.")
