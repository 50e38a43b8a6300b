"""An instance of each class that declares operations, with the parts of the service it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from imagesvc.api.accounts.api_keys import KeyEndpoints
from imagesvc.api.accounts.sessions import SessionEndpoints
from imagesvc.api.accounts.setup import SetupEndpoints
from imagesvc.api.accounts.tokens import TokenEndpoints
from imagesvc.api.accounts.users import UserEndpoints
from imagesvc.api.administration.purges import PurgeEndpoints
from imagesvc.api.administration.settings import SettingEndpoints
from imagesvc.api.administration.statistics import StatisticsEndpoints
from imagesvc.api.archives import ArchiveEndpoints
from imagesvc.api.collections import CollectionEndpoints
from imagesvc.api.events import EventEndpoints
from imagesvc.api.facets import FacetEndpoints
from imagesvc.api.health import HealthEndpoints
from imagesvc.api.images.actions import ActionEndpoints
from imagesvc.api.images.bulk import BulkEndpoints
from imagesvc.api.images.direct import CompletionEndpoints
from imagesvc.api.images.edits import EditEndpoints
from imagesvc.api.images.images import ImageEndpoints
from imagesvc.api.images.imports import Imports
from imagesvc.api.images.presigned import PresignedEndpoints
from imagesvc.api.images.signed_urls import SignedUrlEndpoints
from imagesvc.api.images.timeline import TimelineEndpoints
from imagesvc.api.images.trash import TrashEndpoints
from imagesvc.api.images.uploads import UploadEndpoints
from imagesvc.api.job_actions import JobActionEndpoints
from imagesvc.api.jobs import JobEndpoints
from imagesvc.api.memberships import MembershipEndpoints
from imagesvc.api.metrics import Metric, MetricsEndpoints
from imagesvc.api.searches import SearchEndpoints
from imagesvc.api.sharing.guests import GuestEndpoints
from imagesvc.api.sharing.shared import SharedEndpoints
from imagesvc.api.sharing.shares import ShareEndpoints
from imagesvc.api.sharing.upload_links import UploadLinkEndpoints
from imagesvc.api.sources import SourceEndpoints
from imagesvc.api.webhooks import WebhookEndpoints
from imagesvc.app.gallery import gallery_of
from imagesvc.app.operations import OPERATIONS
from imagesvc.delivery.access import Access
from imagesvc.delivery.archives.download import ArchiveDownloads
from imagesvc.delivery.archives.members import Members
from imagesvc.delivery.archives.shared import SharedArchives
from imagesvc.delivery.hot import HotPath
from imagesvc.delivery.originals import OriginalAnswers
from imagesvc.delivery.presets.browser_caching import BrowserCaching
from imagesvc.delivery.redirects import Redirects
from imagesvc.delivery.routes import Delivery
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.delivery.shared import PRESETS, SharedDelivery
from imagesvc.delivery.variants import VariantAnswers
from imagesvc.http.bodies.uploads import UploadReader
from imagesvc.http.openapi.document import OpenApiEndpoints
from imagesvc.library.bulk import BulkEditor
from imagesvc.library.edit import Editor
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Visibility
from imagesvc.service.readiness import checks_of, warnings_of
from imagesvc.service.service import Service
from imagesvc.web.docs import DocsEndpoints
from imagesvc.web.failures import Failures
from imagesvc.web.oidc import OidcEndpoints


def resources_of(
    service: Service,
    hot: HotPath,
    events: EventEndpoints,
    failures: Failures,
    metrics: Callable[[], Awaitable[list[Metric]]],
) -> list[object]:
    """An instance of each of `RESOURCES`, in order."""
    return [
        *_delivery(service, hot),
        *_images(service, hot),
        *_collections(service),
        *_sharing(service),
        SourceEndpoints(
            service.stores.sources,
            service.accounts.users,
            service.sources.readers,
            service.sources.watcher,
        ),
        JobActionEndpoints(service.stores.jobs, service.runner),
        JobEndpoints(service.stores.jobs, service.runner, service.transforms.preset_places),
        events,
        WebhookEndpoints(
            service.stores.webhooks, service.stores.deliveries, service.outbound.dispatcher
        ),
        *_accounts(service, failures),
        SettingEndpoints(service.settings),
        StatisticsEndpoints(service.overviews, service.purger),
        PurgeEndpoints(service.variant_purge, service.stores.bulk_edits),
        HealthEndpoints(checks_of(service), lambda: warnings_of(service)),
        MetricsEndpoints(metrics),
        *gallery_of(service, failures),
        DocsEndpoints(),
        OpenApiEndpoints(OPERATIONS),
    ]


def events_of(service: Service) -> EventEndpoints:
    """The streams of events, which end when the service is about to stop."""
    return EventEndpoints(
        service.stores.events,
        service.stores.database,
        service.accounts.authenticator,
        lambda: service.is_stopping,
    )


def _delivery(service: Service, hot: HotPath) -> list[object]:
    caches, files = service.caches, service.files
    access = Access(caches.images, service.accounts.authenticator, service.rate_limits)
    rules = DeliveryRules.of(service.settings, files.data_dir)
    caching = BrowserCaching(service.transforms.preset_digests)
    redirects = Redirects(files.links)
    answers = VariantAnswers(
        caches.images, caches.variants, access, rules, hot.remember, caching, redirects
    )
    originals = OriginalAnswers(
        files.blobs, files.verified, caches.originals, answers, access, rules, redirects
    )
    presets = service.transforms.presets
    return [
        Delivery(access, originals, answers, presets, service.urls.signer, rules),
        SharedDelivery(
            service.visitors,
            service.stores.shared_images,
            caches.images,
            originals,
            answers,
            presets,
        ),
    ]


def _images(service: Service, hot: HotPath) -> list[object]:
    settings, stores, caches = service.settings, service.stores, service.caches
    presets = service.transforms.preset_versions

    def forget(image_id: ImageId) -> None:
        caches.images.forget(image_id)
        hot.forget_image(image_id)

    return [
        _uploads(service),
        ImageEndpoints(
            stores.images,
            stores.collections,
            stores.search,
            caches.variants,
            service.variant_purge,
            service.removal,
            presets,
        ),
        TimelineEndpoints(stores.timeline, stores.collections),
        FacetEndpoints(stores.facets, stores.collections),
        *_archives(service),
        SearchEndpoints(stores.searches),
        _presigned(service),
        _completions(service),
        SignedUrlEndpoints(
            stores.images,
            service.urls.signer,
            service.transforms.presets,
            max(1, int(settings.signed_url_max_lifetime)),
        ),
        EditEndpoints(stores.images, Editor(stores.images, forget), presets),
        _actions(service),
        BulkEndpoints(BulkEditor(stores.bulk_edits, forget), stores.collections, stores.digests),
        TrashEndpoints(stores.images, service.trash, stores.collections),
    ]


def _archives(service: Service) -> list[object]:
    stores, files, caches = service.stores, service.files, service.caches
    presets = service.transforms.presets
    members = Members(files.blobs, files.verified, caches.originals, caches.variants)
    return [
        ArchiveEndpoints(
            stores.archives, stores.images, stores.bulk_edits, stores.collections, presets
        ),
        ArchiveDownloads(
            service.accounts.authenticator, stores.archives, stores.images, members, presets
        ),
        SharedArchives(service.visitors, stores.shared_images, members),
    ]


def _reader(service: Service) -> UploadReader:
    settings = service.settings
    return UploadReader(service.files.incoming, settings.max_files, settings.max_upload_size)


def _uploads(service: Service) -> UploadEndpoints:
    settings, incoming = service.settings, service.files.incoming
    return UploadEndpoints(
        _reader(service),
        service.acceptor,
        Imports(service.outbound.source, incoming, service.acceptor),
        service.stores.collections,
        service.transforms.preset_versions,
        Visibility(settings.upload_visibility),
    )


def _presigned(service: Service) -> PresignedEndpoints:
    return PresignedEndpoints(
        service.stores.pending_uploads,
        service.urls.signer,
        service.files.incoming,
        service.acceptor,
        service.stores.collections,
        service.transforms.preset_versions,
        service.settings.max_upload_size,
        Visibility(service.settings.upload_visibility),
        service.files.incoming_objects if service.settings.direct_uploads else None,
    )


def _completions(service: Service) -> CompletionEndpoints:
    return CompletionEndpoints(
        service.stores.pending_uploads,
        service.urls.signer,
        service.files.incoming_objects,
        service.files.incoming,
        service.acceptor,
        service.stores.images,
        service.accounts.users,
        service.transforms.preset_versions,
        Visibility(service.settings.upload_visibility),
    )


def _actions(service: Service) -> ActionEndpoints:
    return ActionEndpoints(
        service.stores.images,
        service.removal,
        service.stores.jobs,
        service.runner.notify,
        service.caches.variants,
        service.transforms.presets,
        service.transforms.preset_places,
        service.acceptor.eager,
        service.stores.pending_uploads,
        service.settings.job_timeout,
    )


def _collections(service: Service) -> list[object]:
    collections = service.stores.collections
    return [
        CollectionEndpoints(collections, Visibility(service.settings.upload_visibility)),
        MembershipEndpoints(collections, service.stores.images, service.transforms.preset_versions),
    ]


def _sharing(service: Service) -> list[object]:
    versions = service.transforms.preset_versions
    presets = {name: f"{name}{versions[name]}" for name in PRESETS if name in versions}
    return [
        ShareEndpoints(service.shares),
        SharedEndpoints(service.visitors, service.stores.shared_images, presets),
        UploadLinkEndpoints(service.guests),
        GuestEndpoints(service.guests, _reader(service)),
    ]


def _accounts(service: Service, failures: Failures) -> list[object]:
    accounts = service.accounts
    return [
        TokenEndpoints(accounts.logins, service.rate_limits),
        UserEndpoints(
            service.users,
            service.rate_limits,
            service.stores.images.usage,
        ),
        KeyEndpoints(service.keys, accounts.users),
        SessionEndpoints(accounts.sessions, accounts.logins, accounts.users, service.rate_limits),
        SetupEndpoints(accounts.setup),
        OidcEndpoints(service.code_flow, accounts.sessions, failures),
    ]
