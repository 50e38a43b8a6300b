"""The data directory and what keeps files in it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from imagesvc.settings.settings import Settings
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.files.locks import DigestLocks, Locks, NoLocks
from imagesvc.store.files.reserve import Reserve
from imagesvc.store.files.secret import make_secret
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.files.write_probe import WriteProbe
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.downloads import DownloadCache
from imagesvc.store.objects.incoming import IncomingObjects
from imagesvc.store.objects.links import DownloadLinks
from imagesvc.store.objects.mark import BucketMark
from imagesvc.store.objects.opening import open_blob_bucket
from imagesvc.store.objects.variants import ObjectVariants

log = structlog.get_logger()

SPARE_INODES = 64
"""Inodes that must be free before the reserve takes its own."""


@dataclass(frozen=True, slots=True)
class Files:
    """Everything that is stored but the rows."""

    data_dir: DataDir
    reserve: Reserve
    write_probe: WriteProbe
    blobs: BlobStore
    verified: VerifiedBlobs
    variants: VariantContents
    locks: Locks
    incoming: Incoming
    downloads: DownloadCache | None
    """Of originals in a bucket."""
    mark: BucketMark | None
    """Of that bucket."""
    incoming_objects: IncomingObjects | None
    """What clients send straight to the bucket."""
    links: DownloadLinks | None
    """Of the bucket, to which requests are redirected."""

    async def open(self) -> None:
        """Be ready for originals of a bucket; call it in a server or worker, before its jobs."""
        if self.downloads is not None:
            await self.downloads.open()

    async def close(self) -> None:
        """End what runs, and release everything."""
        await self.verified.close()
        if self.downloads is not None:
            await self.downloads.close()
        self.locks.close()

    def fill_reserve(self, min_free_bytes: int) -> None:
        """Take the room of the reserve where that leaves the disk enough."""
        if self.data_dir.has_inodes(SPARE_INODES):
            self.reserve.fill(self.data_dir.free_bytes(), min_free_bytes)


def files_of(settings: Settings, *, is_offline: bool) -> Files:
    """The files in the data directory of the settings, or the objects in their bucket.

    Raises:
        NoDataDir: a command needs an existing one.
        RestoreUnfinished: a restore was interrupted.
        Unavailable: the bucket cannot be opened.
    """
    bucket = None if settings.blob_url is None else open_blob_bucket(settings.blob_url)
    data_dir = usable_data_dir(settings, is_offline=is_offline)
    reserve = Reserve(data_dir.reserve, data_dir.variants)
    probe = WriteProbe(data_dir)
    incoming = Incoming(
        data_dir, max_bytes=settings.max_upload_size, min_free_bytes=settings.min_free_space
    )
    if bucket is None:
        files = FileBlobStore(data_dir.blobs)
        variants, locks = VariantFiles(data_dir.variants), DigestLocks(data_dir.digest_lock)
        return Files(
            data_dir, reserve, probe, files, VerifiedBlobs(files), variants, locks, incoming,
            None, None, None, None,
        )  # fmt: skip
    downloads = DownloadCache(data_dir.downloads, settings.original_cache_size)
    objects, public = ObjectBlobStore(bucket, downloads), _public(settings, bucket)
    return Files(
        data_dir, reserve, probe, objects, VerifiedBlobs(objects), ObjectVariants(bucket),
        NoLocks(), incoming, downloads, BucketMark(bucket), IncomingObjects.of(bucket, public),
        DownloadLinks.of(public) if settings.delivery_redirects else None,
    )  # fmt: skip


def _public(settings: Settings, bucket: Bucket) -> Bucket:
    if settings.blob_url is None or settings.blob_public_endpoint is None:
        return bucket
    return open_blob_bucket(settings.blob_url, endpoint=settings.blob_public_endpoint)


def usable_data_dir(settings: Settings, *, is_offline: bool) -> DataDir:
    """The data directory, which a server makes and a command only uses.

    With a shared database, it has only files, and each node makes its own.

    Raises:
        NoDataDir: a command needs an existing one.
        RestoreUnfinished: a restore was interrupted.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    if not settings.is_embedded:
        data_dir.create()
        return data_dir
    if is_offline:
        data_dir.require()
        return data_dir
    data_dir.check_restored()
    is_new = not data_dir.secret.exists() and not data_dir.has_database()
    data_dir.create()
    if is_new:
        path = str(data_dir.root)
        log.warning("made a new data directory", action="data_dir.new", path=path)
    if not data_dir.has_database():  # otherwise a missing secret was lost
        make_secret(data_dir.secret)
    return data_dir
