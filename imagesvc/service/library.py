"""Use cases that span stores: the acceptor of uploads, users, and the collector of orphans."""

from __future__ import annotations

from imagesvc.auth.accounts import Accounts
from imagesvc.jobs.runner import Runner
from imagesvc.library.accept import Acceptor
from imagesvc.library.garbage import Collector
from imagesvc.library.users import Users
from imagesvc.service.caches import Caches
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.service.transforms import Transforms
from imagesvc.service.workers import Workers
from imagesvc.settings.settings import Settings


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


def users_of(accounts: Accounts, caches: Caches) -> Users:
    """What makes, changes and removes users."""
    return Users(accounts.users, accounts.passwords, caches.images.forget_all)


def collector_of(files: Files, stores: Stores) -> Collector:
    """What removes files and rows that a crash left."""
    return Collector(
        files.data_dir, files.blobs, stores.images, files.locks, files.variants, stores.variants,
        stores.pending_uploads,
    )  # fmt: skip
