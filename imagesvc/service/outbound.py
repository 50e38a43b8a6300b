"""What makes requests of its own: imports by URL, webhooks, and the fetch of a provider's keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from importlib.metadata import version

from imagesvc.outbound.addresses import is_allowed
from imagesvc.outbound.lookups import Lookups, Resolver
from imagesvc.outbound.requests import Outbound, OutboundRules
from imagesvc.outbound.source import Source, SourceRules
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.webhooks.outbox import Outbox
from imagesvc.webhooks.dispatcher import Dispatcher, DispatcherLimits

SETTLE_SECONDS = 20.0
"""The time to record the result of a delivery before another node may send it."""


@dataclass(frozen=True, slots=True)
class OutboundParts:
    """Senders of requests to addresses that users name; they share the lookups of hosts."""

    lookups: Lookups
    dispatcher: Dispatcher
    source: Source | None
    """None where the settings allow no imports by URL."""


def outbound_of(
    settings: Settings, files: Files, stores: Stores, resolver: Resolver
) -> OutboundParts:
    """The senders of requests, with what the settings allow them."""
    lookups = Lookups(resolver)
    dispatcher = Dispatcher(
        stores.database,
        Outbox(stores.database, settings.base_url),
        Outbound(webhook_rules(settings), lookups=lookups),
        DispatcherLimits(
            settings.webhook_timeout,
            settings.webhook_retry_delay,
            timedelta(seconds=settings.webhook_disable_after),
            None if settings.database_url is None else _claim_of(settings),
        ),
        held_by=files.data_dir.webhooks_held,
    )
    source = Source(source_rules(settings), lookups=lookups) if settings.allow_url_import else None
    return OutboundParts(lookups, dispatcher, source)


def _claim_of(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.webhook_timeout + SETTLE_SECONDS)


def source_rules(settings: Settings) -> SourceRules:
    """The allowed sources of imports from the settings."""
    return SourceRules(
        is_allowed=partial(is_allowed, extra=settings.url_import_allow),
        ports=frozenset(settings.url_import_ports),
        seconds=settings.url_import_timeout,
        max_bytes=settings.max_upload_size,
        user_agent=user_agent(),
    )


def webhook_rules(settings: Settings) -> OutboundRules:
    """The allowed targets of webhooks from the settings."""
    return OutboundRules(
        is_allowed=partial(is_allowed, extra=settings.webhook_allow),
        ports=range(1, 65536),
        user_agent=user_agent(),
        noun="receiver",
    )


def operator_rules(noun: str) -> OutboundRules:
    """The allowed targets where the operator names the URL; `noun` is what answers there."""
    return OutboundRules(
        is_allowed=lambda _address: True,
        ports=range(1, 65536),
        user_agent=user_agent(),
        noun=noun,
    )


@cache
def user_agent() -> str:
    """The User-Agent of requests of this service; finding the version takes milliseconds."""
    return f"imagesvc/{version('imagesvc')}"
