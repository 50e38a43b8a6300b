"""The purging of the CDN in front, made from the settings."""

from __future__ import annotations

from imagesvc.cdn.providers import Provider, provider_of
from imagesvc.cdn.purger import Purger
from imagesvc.library.housekeeping.purge import VariantPurge
from imagesvc.outbound.lookups import Lookups
from imagesvc.outbound.requests import Outbound
from imagesvc.service.engine.caches import Caches
from imagesvc.service.outbound import operator_rules
from imagesvc.service.secret_files import secret_of
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings


def cdn_provider_of(settings: Settings) -> Provider | None:
    """The API of the CDN in the settings; None without a CDN.

    Raises:
        SecretUnusable: the file of the token cannot be read, or has none.
    """
    if settings.cdn == "off":
        return None
    api_url = None if settings.cdn_api_url == "off" else settings.cdn_api_url
    return provider_of(settings.cdn, settings.cdn_zone, _token(settings), api_url)


def _token(settings: Settings) -> str:
    token = secret_of(settings.cdn_token, settings.cdn_token_file, "cdn_token_file", "ascii")
    assert token is not None  # noqa: S101  # the settings have one of both
    return token.strip()


def purger_of(provider: Provider | None, stores: Stores, lookups: Lookups) -> Purger | None:
    """What purges the CDN; None without a CDN."""
    if provider is None:
        return None
    outbound = Outbound(operator_rules("CDN"), lookups=lookups)
    return Purger(stores.database, stores.purges, outbound, provider)


def variant_purge_of(stores: Stores, caches: Caches, purger: Purger | None) -> VariantPurge:
    """What removes stored variants, also from the CDN."""
    return VariantPurge(caches.variants, None if purger is None else stores.purges)
