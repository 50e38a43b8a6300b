"""The destination that an operator names: a folder, or the URL of a bucket."""

from __future__ import annotations

import os
from pathlib import Path

from imagesvc.errors import InvalidRequest
from imagesvc.library.backup.bucket import BucketDestination
from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.folder import FolderDestination
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.opening import open_bucket
from imagesvc.syntax.bucket_url import is_bucket_url


def place_of(text: str) -> Destination:
    """The destination of a text; nothing is made there yet.

    Raises:
        InvalidRequest: it is neither a path nor a valid URL of a bucket.
        Unavailable: the extra for buckets is not installed.
    """
    if is_bucket_url(text):
        return BucketDestination(open_bucket(text))
    if "://" in text:
        raise InvalidRequest("The place of a backup is a path, or a URL that begins with s3://.")
    return FolderDestination(Path(os.path.realpath(text)))


def check_apart(destination: Destination, data_dir: DataDir) -> None:
    """Make sure that a backup is not made into the data directory, also by way of links.

    Raises:
        InvalidRequest: it would be.
    """
    if not isinstance(destination, FolderDestination):
        return
    parts = (data_dir.root, data_dir.blobs, data_dir.variants, data_dir.tmp, data_dir.quarantine)
    for part in parts:
        path = os.path.realpath(part)
        if f"{destination.root}/".startswith(f"{path}/"):
            raise InvalidRequest(
                f"{destination.root} is inside the data directory, and would be lost with it. "
                "Name a folder on another disk."
            )


def check_other_bucket(destination: Destination, blobs: BlobStore) -> None:
    """Make sure that a backup is not made into the bucket that has the originals.

    Raises:
        InvalidRequest: it would be.
    """
    if not (isinstance(destination, BucketDestination) and isinstance(blobs, ObjectBlobStore)):
        return
    url, other = destination.url, blobs.bucket.url
    if (url.scheme, url.endpoint, url.bucket) == (other.scheme, other.endpoint, other.bucket):
        raise InvalidRequest(
            f"The bucket {url.bucket} has the originals, and the backup would be lost with it. "
            "Name another bucket, best of another service or account."
        )


def has_filled(destination: Destination, data_dir: DataDir, min_free_bytes: int) -> bool:
    """Whether a backup on the disk of the data directory has left too little room for uploads."""
    return (
        isinstance(destination, FolderDestination)
        and destination.root.stat().st_dev == data_dir.root.stat().st_dev
        and data_dir.free_bytes() < min_free_bytes
    )
