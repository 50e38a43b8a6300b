"""Use cases that span stores: accepting uploads, deleting, the trash, users, orphans."""

from __future__ import annotations

from datetime import timedelta

from imagesvc.auth.accounts import Accounts
from imagesvc.jobs.runner import Runner
from imagesvc.library.accept import Acceptor
from imagesvc.library.due import DueImages
from imagesvc.library.garbage import Collector
from imagesvc.library.guests import Guests
from imagesvc.library.housekeeping.deletion_clock import DeletionClock
from imagesvc.library.housekeeping.statistics import Overviews
from imagesvc.library.identity import Identity
from imagesvc.library.importing.intake import Intake
from imagesvc.library.remove import Removal
from imagesvc.library.shares import Shares
from imagesvc.library.trash import Trash
from imagesvc.library.users import Users
from imagesvc.service.engine.caches import Caches
from imagesvc.service.engine.transforms import Transforms
from imagesvc.service.engine.workers import Workers
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.statistics.counts import Statistics


def acceptor_of(
    settings: Settings,
    transforms: Transforms,
    stores: Stores,
    workers: Workers,
    runner: Runner,
) -> Acceptor:
    """What makes images of received files, each with a job for the runner."""
    return Acceptor(
        pool=workers.pool,
        images=stores.images,
        publisher=stores.publisher,
        limits=workers.limits,
        eager={name: transforms.presets[name] for name in settings.eager_presets},
        probe_timeout=settings.transform_timeout,
        job_timeout=settings.job_timeout,
        notify=runner.notify,
    )


def intake_of(files: Files, stores: Stores, acceptor: Acceptor) -> Intake:
    """What takes files of this machine."""
    return Intake(acceptor, files.incoming, stores.digests)


def removal_of(files: Files, stores: Stores, caches: Caches, runner: Runner) -> Removal:
    """What deletes images with all that was made of them."""
    return Removal(
        images=stores.images,
        blobs=files.blobs,
        verified=files.verified,
        locks=files.locks,
        variants=caches.variants,
        runner=runner,
        on_removed=caches.images.forget,
    )


def trash_of(stores: Stores, caches: Caches, removal: Removal) -> Trash:
    """What hides images until they are restored or deleted."""
    return Trash(stores.trash, removal, caches.images, caches.variants, stores.bulk_edits)


def due_images_of(settings: Settings, files: Files, stores: Stores, removal: Removal) -> DueImages:
    """What deletes images that have been in the trash long enough, or have expired."""
    retention = timedelta(seconds=settings.trash_retention)
    clock = DeletionClock(stores.trash, files.data_dir)
    return DueImages(stores.trash, removal, retention, clock)


def users_of(accounts: Accounts, caches: Caches) -> Users:
    """What makes, changes and removes users."""
    return Users(accounts.users, accounts.passwords, caches.images.forget_all)


def identity_of(settings: Settings, files: Files, stores: Stores) -> Identity:
    """What knows to which installation the originals belong."""
    is_elsewhere = settings.is_embedded or files.mark is not None
    data_dir = None if is_elsewhere else files.data_dir
    return Identity(stores.database, stores.images, files.mark, data_dir)


def collector_of(files: Files, stores: Stores, identity: Identity) -> Collector:
    """What removes files and rows that a crash left."""
    return Collector(
        files.data_dir, files.blobs, stores.images, files.locks, files.variants, stores.variants,
        stores.pending_uploads, identity, files.incoming_objects,
    )  # fmt: skip


def shares_of(stores: Stores, accounts: Accounts) -> Shares:
    """What makes and changes links that show images."""
    return Shares(stores.shares, stores.images, stores.collections, accounts.passwords)


def guests_of(stores: Stores, acceptor: Acceptor) -> Guests:
    """What makes links for uploads, and accepts files of guests."""
    return Guests(stores.upload_links, stores.collections, acceptor)


def overviews_of(files: Files, stores: Stores) -> Overviews:
    """What counts everything that is stored."""
    return Overviews(stores.database, Statistics(stores.database), stores.purges, files.data_dir)
