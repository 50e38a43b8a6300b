"""The parts of a service, each made from the settings and from parts above it in the list."""

from __future__ import annotations

from imagesvc.library.housekeeping.clock_watch import ClockWatch
from imagesvc.library.keys import Keys
from imagesvc.outbound.lookups import Resolver, system_addresses
from imagesvc.service.cdn import cdn_provider_of, purger_of, variant_purge_of
from imagesvc.service.engine.caches import caches_of
from imagesvc.service.engine.jobs import runner_of
from imagesvc.service.engine.transforms import transforms_of
from imagesvc.service.engine.workers import workers_of
from imagesvc.service.files import files_of
from imagesvc.service.identity.accounts import (
    accounts_of,
    rate_limits_of,
    read_admin_key,
    visitors_of,
)
from imagesvc.service.identity.oidc import code_flow_of, oidc_client_of
from imagesvc.service.library import (
    acceptor_of,
    collector_of,
    due_images_of,
    guests_of,
    identity_of,
    intake_of,
    overviews_of,
    removal_of,
    shares_of,
    trash_of,
    users_of,
)
from imagesvc.service.outbound import outbound_of
from imagesvc.service.shared_secret import shared_secret_of
from imagesvc.service.sources import sources_of
from imagesvc.service.stores import stores_of
from imagesvc.service.urls import urls_of
from imagesvc.settings.settings import Settings
from imagesvc.store.files.secret import load_secret


class Parts:
    """What a service consists of; nothing in it is open or runs.

    A server makes what its data directory lacks; `is_offline` is a command on one that exists.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        is_offline: bool = False,
        resolver: Resolver = system_addresses,
    ) -> None:
        # Settings that are not usable are found before a data directory is made.
        self.settings = settings
        self.transforms = transforms_of(settings)
        given_key = None if is_offline else read_admin_key(settings)
        cdn = None if is_offline else cdn_provider_of(settings)
        oidc_client = None if is_offline else oidc_client_of(settings)

        shared_secret = shared_secret_of(settings)

        self.files = files_of(settings, is_offline=is_offline)
        secret = shared_secret or load_secret(self.files.data_dir.secret)
        self.stores = stores_of(settings, self.files)
        self.accounts = accounts_of(settings, self.files, self.stores, secret, given_key)
        self.code_flow = code_flow_of(settings, oidc_client, secret, self.accounts)
        self.rate_limits = rate_limits_of(settings, self.stores.database)
        self.urls = urls_of(settings, secret)
        self.outbound = outbound_of(settings, self.files, self.stores, resolver)
        self.purger = purger_of(cdn, self.stores, self.outbound.lookups)
        self.workers = workers_of(settings, self.files, self.transforms)
        self.caches = caches_of(settings, self.files, self.stores, self.workers, self.transforms)
        self.variant_purge = variant_purge_of(self.stores, self.caches, self.purger)
        self.overviews = overviews_of(self.files, self.stores)
        self.runner = runner_of(settings, self.files, self.stores, self.caches)
        self.acceptor = acceptor_of(
            settings, self.transforms, self.stores, self.workers, self.runner
        )
        self.intake = intake_of(self.files, self.stores, self.acceptor)
        self.removal = removal_of(self.files, self.stores, self.caches, self.runner)
        self.trash = trash_of(self.stores, self.caches, self.removal)
        self.sources = sources_of(
            settings, self.stores, self.intake, self.trash, self.outbound.source
        )
        self.due_images = due_images_of(settings, self.files, self.stores, self.removal)
        self.clock_watch = ClockWatch(self.stores.database)
        self.users = users_of(self.accounts, self.caches)
        self.keys = Keys(self.accounts.keys)
        self.shares = shares_of(self.stores, self.accounts)
        self.guests = guests_of(self.stores, self.acceptor)
        self.visitors = visitors_of(secret, self.stores, self.accounts, self.rate_limits)
        self.identity = identity_of(settings, self.files, self.stores)
        self.collector = collector_of(self.files, self.stores, self.identity)
