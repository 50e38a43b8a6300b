"""The database, and the stores of rows in it."""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.model.accounts import Quota
from imagesvc.service.database import database_of
from imagesvc.service.files import Files
from imagesvc.settings.settings import Settings
from imagesvc.store.archives import ArchiveStore
from imagesvc.store.bulk.digests import OwnedDigests
from imagesvc.store.bulk.edits import BulkEdits
from imagesvc.store.cdn.purges import PurgeQueue
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.events import EventStore
from imagesvc.store.idempotency import IdempotencyStore
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.publish import Publisher
from imagesvc.store.removal.trash import TrashStore
from imagesvc.store.search.facets import Facets
from imagesvc.store.search.saved import SavedSearchStore
from imagesvc.store.search.search import ImageSearch
from imagesvc.store.search.timeline import Timeline
from imagesvc.store.sharing.contents import SharedImages
from imagesvc.store.sharing.shares import ShareStore
from imagesvc.store.sharing.upload_links import UploadLinkStore
from imagesvc.store.sources.sources import SourceStore
from imagesvc.store.variants import VariantStore
from imagesvc.store.webhooks.deliveries import DeliveryStore
from imagesvc.store.webhooks.subscriptions import WebhookStore


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores, each for one group of tables, the database below them, and the publisher."""

    database: Database
    images: ImageStore
    publisher: Publisher
    trash: TrashStore
    collections: CollectionStore
    search: ImageSearch
    timeline: Timeline
    facets: Facets
    bulk_edits: BulkEdits
    archives: ArchiveStore
    searches: SavedSearchStore
    digests: OwnedDigests
    sources: SourceStore
    shares: ShareStore
    shared_images: SharedImages
    upload_links: UploadLinkStore
    variants: VariantStore
    jobs: JobStore
    pending_uploads: PendingUploadStore
    idempotency_records: IdempotencyStore
    events: EventStore
    webhooks: WebhookStore
    deliveries: DeliveryStore
    purges: PurgeQueue


def stores_of(settings: Settings, files: Files) -> Stores:
    """The stores on the database, which is not opened yet."""
    database = database_of(settings, files)
    images = ImageStore(database, Quota(settings.quota_images, settings.quota_bytes))
    search = ImageSearch(database)
    return Stores(
        database=database,
        images=images,
        publisher=Publisher(files.blobs, files.verified, images, files.locks, files.mark),
        trash=TrashStore(database),
        collections=CollectionStore(database),
        search=search,
        timeline=Timeline(database),
        facets=Facets(database),
        bulk_edits=BulkEdits(database),
        archives=ArchiveStore(database),
        searches=SavedSearchStore(database),
        digests=OwnedDigests(database),
        shares=ShareStore(database, settings.max_links),
        sources=SourceStore(database),
        shared_images=SharedImages(database, images, search),
        upload_links=UploadLinkStore(database, settings.max_links),
        variants=VariantStore(database),
        jobs=JobStore(database),
        pending_uploads=PendingUploadStore(database),
        idempotency_records=IdempotencyStore(database),
        events=EventStore(database),
        webhooks=WebhookStore(database),
        deliveries=DeliveryStore(database),
        purges=PurgeQueue(database),
    )
