"""The parts of one running service: made from the settings, opened and closed in order."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import partial
from importlib.metadata import version

import structlog

from imagesvc.auth.accounts import Accounts
from imagesvc.auth.key_file import GivenKey, read_given_key
from imagesvc.auth.rates.buckets import Buckets, parse_rate
from imagesvc.auth.rates.limits import RateLimits
from imagesvc.auth.rates.login_limits import LoginLimits
from imagesvc.auth.signing import RESERVED, Signer
from imagesvc.cache.disk import DiskTier
from imagesvc.cache.identity import Identities
from imagesvc.cache.images import ImageCache
from imagesvc.cache.memory import MemoryCache
from imagesvc.cache.unlocated import UnlocatedOriginals
from imagesvc.cache.variants import VariantCache
from imagesvc.delivery.preset_versions import PARAMETER, preset_versions
from imagesvc.errors import (
    DatabaseDamaged,
    ImagesvcError,
    InsufficientStorage,
    InvalidTransform,
    Unavailable,
    text_of,
)
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.transforms.keys import KEYS
from imagesvc.imaging.transforms.transform import canonical, parse_preset
from imagesvc.jobs.maker import Maker
from imagesvc.jobs.mezzanines import Mezzanines
from imagesvc.jobs.runner import Runner, RunnerLimits
from imagesvc.library.accept import Acceptor
from imagesvc.library.garbage import Collector
from imagesvc.model.accounts import Quota
from imagesvc.model.formats import Format
from imagesvc.model.ids import utc_now
from imagesvc.model.transforms import Transform, Watermark
from imagesvc.outbound.addresses import is_allowed
from imagesvc.outbound.lookups import Lookups, Resolver, system_addresses
from imagesvc.outbound.requests import Outbound, OutboundRules
from imagesvc.outbound.source import Source, SourceRules
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.db.migrate import bring_up_to_date
from imagesvc.store.events import EventStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.file_system import DOCS as FILE_SYSTEM_DOCS
from imagesvc.store.files.file_system import doubtful_file_system
from imagesvc.store.files.files import NO_INODES
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.files.locks import DataDirLock, DigestLocks
from imagesvc.store.files.reserve import Reserve
from imagesvc.store.files.secret import derive_key, is_private, load_secret, make_secret
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.files.write_probe import WriteProbe
from imagesvc.store.idempotency import IdempotencyStore
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.search.search import ImageSearch
from imagesvc.store.variants import VariantStore
from imagesvc.store.webhooks.deliveries import DeliveryStore
from imagesvc.store.webhooks.outbox import Outbox
from imagesvc.store.webhooks.subscriptions import WebhookStore
from imagesvc.syntax.appended import Appended
from imagesvc.webhooks.dispatcher import Dispatcher, DispatcherLimits
from imagesvc.workers.pool import PoolLimits, WorkerPool
from imagesvc.workers.renderer import Renderer
from imagesvc.workers.sandbox.policy import Sandbox

log = structlog.get_logger()

TOUCH_SECONDS = 60.0
SPARE_INODES = 64  # that are free when the reserve takes its own
RUNNER_CONCURRENCY = 8
"""Slots for jobs a worker, of which one owner gets half: one job runs, the others are being claimed
or settled, or wait for their turn."""
WORKER_RESIDENT = 512 << 20
DECODE_SHARE = 0.6  # of a worker's address space; code, libraries and output need the rest

MEANINGFUL = RESERVED | KEYS.keys() | {"preset", "sigma", "download", "debug"}
"""Parameters of image URLs that `ignored_parameters` cannot name."""


class Service:
    """The parts of one running service and how they hold together.

    A server makes what its data directory lacks; `is_offline` is a command on one that exists.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        is_offline: bool = False,
        resolver: Resolver = system_addresses,
    ) -> None:
        self.settings = settings
        self.presets = read_presets(settings)
        watermarks = read_watermarks(settings)
        self.preset_versions = preset_versions(self.presets, qualities(settings), watermarks)
        given_key = None if is_offline else read_admin_key(settings)
        self.preset_places = {
            (name, canonical(transform)): f"/{name}{self.preset_versions[name]}"
            for name, transform in self.presets.items()
        }
        self.data_dir = usable_data_dir(settings, is_offline=is_offline)
        self.rate_limits = rate_limits(
            settings,
            are_on=settings.rate_limits == "on"
            or (settings.rate_limits == "auto" and settings.has_accounts),
        )
        self.appended = Appended((*settings.ignored_parameters, PARAMETER), MEANINGFUL)
        self.signer = Signer(signing_keys(settings, self.data_dir), self.appended)

        self.write_probe = WriteProbe(self.data_dir)
        self.reserve = Reserve(self.data_dir.reserve, self.data_dir.variants)
        self.database = Database(self.data_dir.database, self.reserve)
        self.accounts = Accounts(
            settings, self.database, self.data_dir, Outbound(provider_rules()).get, given_key
        )
        self.authenticator = self.accounts.authenticator
        self.images = ImageStore(self.database, Quota(settings.quota_images, settings.quota_bytes))
        self.pending_uploads = PendingUploadStore(self.database)
        self.collections = CollectionStore(self.database)
        self.search = ImageSearch(self.database)
        self.events = EventStore(self.database)
        self.webhooks = WebhookStore(self.database)
        self.deliveries = DeliveryStore(self.database)
        self.lookups = Lookups(resolver)
        self.dispatcher = Dispatcher(
            self.database,
            Outbox(self.database, settings.base_url),
            Outbound(webhook_rules(settings), lookups=self.lookups),
            DispatcherLimits(
                settings.webhook_timeout,
                settings.webhook_retry_delay,
                timedelta(seconds=settings.webhook_disable_after),
            ),
        )
        self.idempotency_records = IdempotencyStore(self.database)
        self.jobs = JobStore(self.database)
        self.variant_rows = VariantStore(self.database)
        self.blobs = FileBlobStore(self.data_dir.blobs)
        self.verified = VerifiedBlobs(self.blobs)
        self.variant_files = VariantFiles(self.data_dir.variants)
        self.locks = DigestLocks(self.data_dir.digest_lock)

        limits = Limits(
            max_pixels=settings.max_pixels,
            max_frames=settings.max_frames,
            max_decode_bytes=int(settings.worker_memory * DECODE_SHARE),
        )
        self.pool = WorkerPool(pool_limits(settings), self.data_dir.tmp, Sandbox(settings.sandbox))
        renderer = Renderer(
            pool=self.pool,
            blobs=self.blobs,
            verified=self.verified,
            limits=limits,
            watermarks=watermarks,
        )
        self.incoming = Incoming(
            self.data_dir,
            max_bytes=settings.max_upload_size,
            min_free_bytes=settings.min_free_space,
        )
        self.image_cache = ImageCache(self.images)
        self.memory = MemoryCache(settings.memory_cache_size)
        self.disk_tier = DiskTier(self.variant_rows, self.variant_files, settings.variant_disk_size)
        self.variants = VariantCache(
            memory=self.memory,
            disk=self.disk_tier,
            identities=Identities(qualities(settings), watermarks),
            renderer=renderer,
            timeout=settings.transform_timeout,
        )
        self.originals = UnlocatedOriginals(self.variants, renderer, settings.transform_timeout)
        maker = Maker(
            self.variants,
            Mezzanines(
                # The margin of free space is for uploads: what was taken may be worked on.
                incoming=Incoming(
                    self.data_dir, max_bytes=settings.worker_memory, min_free_bytes=0
                ),
                blobs=self.blobs,
                images=self.images,
                locks=self.locks,
                on_added=self.image_cache.forget_original,
            ),
        )
        self.runner = Runner(self.jobs, maker, runner_limits(settings))
        self.acceptor = Acceptor(
            pool=self.pool,
            blobs=self.blobs,
            images=self.images,
            locks=self.locks,
            limits=limits,
            eager={name: self.presets[name] for name in settings.eager_presets},
            probe_timeout=settings.transform_timeout,
            job_timeout=settings.job_timeout,
            notify=self.runner.notify,
        )
        self.source = (
            Source(source_rules(settings), lookups=self.lookups)
            if settings.allow_url_import
            else None
        )
        self.collector = Collector(
            self.data_dir, self.blobs, self.images, self.locks, self.variant_files,
            self.variant_rows, self.pending_uploads,
        )  # fmt: skip
        self._background: list[asyncio.Task[None]] = []
        self._lock: DataDirLock | None = None
        self._stop_by: float | None = None
        self._recovered = 0

    def claim_data_dir(self) -> None:
        """Take the data directory for this process alone; warn where it may not be safe.

        Raises:
            DataDirInUse: another server has it.
            DataDirSplit: it is on several file systems.
        """
        kind = doubtful_file_system(self.data_dir.root)
        if kind is not None:
            log.warning(
                "the data directory is on a network or FUSE file system, where the database may be "
                "damaged and acknowledged uploads may be lost",
                action="data_dir.file_system",
                path=str(self.data_dir.root),
                file_system=kind,
                docs=FILE_SYSTEM_DOCS,
            )
        secret = self.data_dir.secret
        if secret.exists() and not is_private(secret):
            log.warning(
                "other users can read the secret that signs tokens and URLs: chmod 600",
                action="secret.readable",
                path=str(secret),
            )
        self._lock = DataDirLock(self.data_dir.server_lock)
        self.data_dir.check_renames()

    async def open(self) -> None:
        """Bring the data directory up to date, recover, and start what runs.

        Raises:
            InsufficientStorage, Unavailable: the database cannot be used; `close` is due still.
            WorkerDied: a worker does not come up.
        """
        workers = asyncio.create_task(self.pool.start())
        try:
            await asyncio.to_thread(self._prepare)
            await self.accounts.open()
            await self.disk_tier.start()
            recovered = await self.runner.start()
        finally:
            await workers
        self.dispatcher.start()
        self._background = [
            asyncio.create_task(self._collect_regularly()),
            asyncio.create_task(self._note_uses_regularly()),
            asyncio.create_task(self._scrub()),
        ]
        self._recovered = recovered

    def _prepare(self) -> None:
        self.data_dir.empty_tmp()
        bring_up_to_date(self.data_dir, self.reserve)
        if (free := self.data_dir.free_bytes()) < self.settings.min_free_space:
            log.warning(
                "the disk is nearly full; uploads are not taken",
                action="disk.full",
                free_bytes=free,
            )
        self._fill_reserve()

    def _fill_reserve(self) -> None:
        if self.data_dir.has_inodes(SPARE_INODES):
            self.reserve.fill(self.data_dir.free_bytes(), self.settings.min_free_space)

    def announce(self, url: str) -> None:
        """Say that the service is ready, and where: also to commands on the data directory."""
        log.info(
            "ready",
            action="service.ready",
            url=url,
            docs=f"{url}/api/v1/docs",
            recovered_jobs=self._recovered,
        )
        if self._lock is not None:
            self._lock.publish(url)
        if self.settings.has_accounts:
            self.accounts.first_key.announce(url)

    def begin_stop(self) -> None:
        """Start no more jobs: a stop is near. Safe to call from a signal handler."""
        self._stop_by = time.monotonic() + self.settings.shutdown_timeout
        self.runner.is_draining = True

    @property
    def is_stopping(self) -> bool:
        """Whether a stop is near, and what is open for long has to end."""
        return self._stop_by is not None

    async def close(self) -> None:
        """Finish what is in flight, queue the rest again, write what waits."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        stop_by = self._stop_by or time.monotonic() + self.settings.shutdown_timeout
        seconds = max(0.0, stop_by - time.monotonic())
        await asyncio.gather(self.runner.stop(seconds), self.dispatcher.stop(seconds))
        await self.verified.close()
        await self.disk_tier.close()
        await self.pool.close()
        await self.accounts.close()
        await self.database.close()
        self.locks.close()
        if self._lock is not None:
            self._lock.release()
        log.info("stopped", action="service.stopped")

    async def _collect_regularly(self) -> None:
        while True:
            try:
                await self.check_database()  # with rows missing, what they point at looks unused
                await self.idempotency_records.prune(utc_now())
                retention = timedelta(seconds=self.settings.event_retention)
                await self.events.prune(utc_now() - retention)
                await self.deliveries.prune(utc_now() - retention)
                found = await self.collector.collect(grace_seconds=self.settings.gc_grace)
                log.info(
                    "orphans collected",
                    action="gc.done",
                    blobs=found.blobs,
                    variants=found.variants,
                    uploads=found.uploads,
                    slots=found.slots,
                )
            except (ImagesvcError, OSError) as error:
                log.error("orphans not collected", action="gc.failed", error=text_of(error))
            await asyncio.sleep(self.settings.gc_interval)

    async def _scrub(self) -> None:
        while True:
            try:
                await self.verified.scrub()
            except (ImagesvcError, OSError) as error:
                log.error("blobs not verified", action="blobs.unverified", error=text_of(error))

    async def _note_uses_regularly(self) -> None:
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            for key in self.memory.take_used():
                self.disk_tier.touch(key)
            await self.disk_tier.flush()
            await self.accounts.keep_up()
            await asyncio.to_thread(self._fill_reserve)

    async def check_database(self) -> None:
        """Raises `Unavailable` when the database cannot be read, or not all of it."""
        if self.database.is_damaged:
            raise DatabaseDamaged("The database is damaged; imagesvc check tells more.")
        await self.jobs.next_due_at(utc_now())

    async def check_data_dir(self) -> None:
        """Raises `Unavailable` when the data directory is gone, as with an unmounted disk."""
        if not self.data_dir.is_there():
            raise Unavailable("The data directory is missing.")

    async def check_disk(self) -> None:
        """Raises `Unavailable` when uploads are not taken: no space, no inodes, read-only."""
        if self.data_dir.free_bytes() < self.settings.min_free_space:
            raise InsufficientStorage("The disk is nearly full.")
        if not self.data_dir.has_inodes():
            raise InsufficientStorage(NO_INODES)
        if not self.data_dir.is_writable():
            raise Unavailable("The data directory cannot be written to.")
        await self.write_probe.check()

    async def check_workers(self) -> None:
        """Raises `Unavailable` when no worker runs."""
        if not self.pool.is_started:
            raise Unavailable("The workers are not there yet.")


def usable_data_dir(settings: Settings, *, is_offline: bool) -> DataDir:
    """The data directory, which a server makes and a command only uses.

    Raises:
        NoDataDir: a command is to use one that does not exist.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    if is_offline:
        data_dir.require()
        return data_dir
    is_new = not data_dir.secret.exists() and not data_dir.has_database()
    data_dir.create()
    if is_new:
        path = str(data_dir.root)
        log.warning("made a new data directory", action="data_dir.new", path=path)
    if not data_dir.has_database():  # else a secret that is missing was lost
        make_secret(data_dir.secret)
    return data_dir


def read_presets(settings: Settings) -> dict[str, Transform]:
    """The presets of the settings as transforms.

    Raises:
        SettingsError: some are no valid transforms; all of them are named.
    """
    presets: dict[str, Transform] = {}
    faults: list[str] = []
    for name, text in settings.presets.items():
        try:
            presets[name] = parse_preset(text)
        except InvalidTransform as error:
            faults.append(f"presets.{name}: {error.detail}")
    if faults:
        raise SettingsError("\n".join(faults))
    return presets


def read_watermarks(settings: Settings) -> dict[str, Watermark]:
    """The watermarks of the settings with the bytes of their files.

    Raises:
        SettingsError: a file cannot be read.
    """
    found: dict[str, Watermark] = {}
    for name, given in settings.watermarks.items():
        values = given.model_dump()
        for key in ("image", "font"):
            path = values[key]
            try:
                values[key] = None if path is None else path.read_bytes()
            except OSError as error:
                reason = error.strerror or "it cannot be read"
                raise SettingsError(f"watermarks.{name}.{key}: {path}: {reason}") from error
        found[name] = Watermark(**values)
    return found


def read_admin_key(settings: Settings) -> GivenKey | None:
    """The key for the first admin, from the file of the settings; None where there is no file.

    Raises:
        KeyFileUnusable: there is no data directory yet, and the file does not hold a key.
    """
    if settings.admin_key_file is None or not settings.has_accounts:
        return None
    given = read_given_key(settings.admin_key_file)
    if not DataDir(settings.data_dir.absolute()).has_database():
        given.required()
    return given


def signing_keys(settings: Settings, data_dir: DataDir) -> dict[str, bytes]:
    """The keys for signed URLs by id, the one that signs first."""
    given = {
        name: secret.get_secret_value().encode() for name, secret in settings.signing_keys.items()
    }
    if given:
        return given
    secret = load_secret(data_dir.secret)
    return {"default": derive_key(secret, "signed-urls").hex().encode()}


def qualities(settings: Settings) -> dict[Format, int]:
    """The quality of each lossy format when the URL names none."""
    return {
        Format.JPEG: settings.quality_jpeg,
        Format.WEBP: settings.quality_webp,
        Format.AVIF: settings.quality_avif,
    }


def pool_limits(settings: Settings) -> PoolLimits:
    """What the settings allow the worker pool."""
    return PoolLimits(
        workers=settings.workers,
        worker_memory=settings.worker_memory,
        worker_jobs=settings.worker_jobs,
        worker_resident=WORKER_RESIDENT,
        decode_memory=settings.decode_memory,
        output_bytes=settings.worker_memory,
        queue_size=settings.queue_size,
    )


def source_rules(settings: Settings) -> SourceRules:
    """Where the settings allow images to be imported from."""
    return SourceRules(
        is_allowed=partial(is_allowed, extra=settings.url_import_allow),
        ports=frozenset(settings.url_import_ports),
        seconds=settings.url_import_timeout,
        max_bytes=settings.max_upload_size,
        user_agent=user_agent(),
    )


def webhook_rules(settings: Settings) -> OutboundRules:
    """Where the settings allow events to be sent."""
    return OutboundRules(
        is_allowed=partial(is_allowed, extra=settings.webhook_allow),
        ports=range(1, 65536),
        user_agent=user_agent(),
        noun="receiver",
    )


def provider_rules() -> OutboundRules:
    """Where keys of an identity provider may be fetched: the operator names the URL."""
    return OutboundRules(
        is_allowed=lambda _address: True,
        ports=range(1, 65536),
        user_agent=user_agent(),
        noun="provider",
    )


def user_agent() -> str:
    """What requests of this service call themselves."""
    return f"imagesvc/{version('imagesvc')}"


def rate_limits(settings: Settings, *, are_on: bool) -> RateLimits:
    """The rates of the settings, or none."""
    if not are_on:
        return RateLimits()
    texts = (
        settings.rate_limit,
        settings.rate_limit_anonymous,
        settings.rate_limit_render,
    )
    login = parse_rate(settings.rate_limit_login)
    users, addresses, renders = (
        None if rate is None else Buckets(rate) for rate in map(parse_rate, texts)
    )
    return RateLimits(users, addresses, None if login is None else LoginLimits(login), renders)


def runner_limits(settings: Settings) -> RunnerLimits:
    """What the settings allow the runner."""
    return RunnerLimits(
        concurrency=RUNNER_CONCURRENCY * settings.workers,
        job_timeout=settings.job_timeout,
        max_attempts=settings.max_attempts,
        retry_delay=settings.retry_delay,
    )
