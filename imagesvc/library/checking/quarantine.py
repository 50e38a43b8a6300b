"""Where damaged files are moved, so that an operator can inspect them."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread

from imagesvc.library.checking.blobs import SetAside
from imagesvc.model.ids import BlobName
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import fsync_directory


def quarantine_of(data_dir: DataDir, blobs: FileBlobStore) -> SetAside:
    """Moves files to `quarantine/`, under their digest."""

    async def set_aside(name: BlobName) -> str:
        async with blobs.local(name) as path:
            await to_thread.run_sync(_move, path, data_dir.quarantine)
        return str(data_dir.quarantine / name)

    return set_aside


def _move(path: Path, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    path.replace(directory / path.name)
    fsync_directory(directory)
