"""The table of all operations, which is made without a service."""

from __future__ import annotations

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
from imagesvc.api.images.presigned import PresignedEndpoints
from imagesvc.api.images.signed_urls import SignedUrlEndpoints
from imagesvc.api.images.timeline import TimelineEndpoints
from imagesvc.api.images.trash import TrashEndpoints
from imagesvc.api.images.uploads import UploadEndpoints
from imagesvc.api.job_actions import JobActionEndpoints
from imagesvc.api.jobs import JobEndpoints
from imagesvc.api.memberships import MembershipEndpoints
from imagesvc.api.metrics import MetricsEndpoints
from imagesvc.api.searches import SearchEndpoints
from imagesvc.api.sharing.guests import GuestEndpoints
from imagesvc.api.sharing.shared import SharedEndpoints
from imagesvc.api.sharing.shares import ShareEndpoints
from imagesvc.api.sharing.upload_links import UploadLinkEndpoints
from imagesvc.api.sources import SourceEndpoints
from imagesvc.api.webhooks import WebhookEndpoints
from imagesvc.delivery.archives.download import ArchiveDownloads
from imagesvc.delivery.archives.shared import SharedArchives
from imagesvc.delivery.routes import Delivery
from imagesvc.delivery.shared import SharedDelivery
from imagesvc.http.openapi.document import OpenApiEndpoints, document, written
from imagesvc.http.operations import Operation, operations_of
from imagesvc.web.assets import AssetEndpoints
from imagesvc.web.builder.pages import BuilderPageEndpoints
from imagesvc.web.docs import DocsEndpoints
from imagesvc.web.home import HomeEndpoints
from imagesvc.web.installable import InstallableEndpoints
from imagesvc.web.oidc import OidcEndpoints
from imagesvc.web.own_pages import OwnPageEndpoints
from imagesvc.web.pages import PageEndpoints
from imagesvc.web.visitors import VisitorPageEndpoints

RESOURCES: tuple[type, ...] = (
    Delivery,
    SharedDelivery,
    UploadEndpoints,
    ImageEndpoints,
    TimelineEndpoints,
    FacetEndpoints,
    ArchiveEndpoints,
    ArchiveDownloads,
    SharedArchives,
    SearchEndpoints,
    PresignedEndpoints,
    CompletionEndpoints,
    SignedUrlEndpoints,
    EditEndpoints,
    ActionEndpoints,
    BulkEndpoints,
    TrashEndpoints,
    CollectionEndpoints,
    MembershipEndpoints,
    ShareEndpoints,
    SharedEndpoints,
    UploadLinkEndpoints,
    GuestEndpoints,
    SourceEndpoints,
    JobActionEndpoints,
    JobEndpoints,
    EventEndpoints,
    WebhookEndpoints,
    TokenEndpoints,
    UserEndpoints,
    KeyEndpoints,
    SessionEndpoints,
    SetupEndpoints,
    OidcEndpoints,
    SettingEndpoints,
    StatisticsEndpoints,
    PurgeEndpoints,
    HealthEndpoints,
    MetricsEndpoints,
    HomeEndpoints,
    PageEndpoints,
    OwnPageEndpoints,
    BuilderPageEndpoints,
    VisitorPageEndpoints,
    InstallableEndpoints,
    AssetEndpoints,
    DocsEndpoints,
    OpenApiEndpoints,
)
"""The classes that declare operations."""
OPERATIONS: tuple[Operation, ...] = tuple(
    operation for resource in RESOURCES for operation in operations_of(resource)
)
"""Every operation of the service: the route table."""


def api_document() -> bytes:
    """The OpenAPI document, which is the same for every service."""
    return written(document(OPERATIONS))
