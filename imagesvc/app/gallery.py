"""The pages of the gallery, with the parts of the service they use."""

from __future__ import annotations

from imagesvc.delivery.presets.versions import PARAMETER
from imagesvc.delivery.rules import MUST_BE_SIGNED
from imagesvc.service.service import Service
from imagesvc.web.assets import AssetEndpoints
from imagesvc.web.builder.pages import BuilderPageEndpoints, BuilderRules
from imagesvc.web.failures import Failures
from imagesvc.web.home import HomeEndpoints
from imagesvc.web.installable import InstallableEndpoints
from imagesvc.web.own_pages import OwnPageEndpoints
from imagesvc.web.pages import PageEndpoints
from imagesvc.web.templating import Pages
from imagesvc.web.uploads import uploads_of
from imagesvc.web.visitors import VisitorPageEndpoints


def templates_of(service: Service) -> Pages:
    """The maker of pages, with what they know of the settings."""
    versions = service.transforms.preset_digests
    return Pages(
        {name: f"{name}?{PARAMETER}={version}" for name, version in versions.items()},
        service.settings.has_accounts,
        uploads_of(service.settings),
        service.settings.gallery,
    )


def gallery_of(service: Service, failures: Failures) -> list[object]:
    """The pages and files of the gallery, in the order of `RESOURCES`."""
    templates = failures.pages
    pages = PageEndpoints(
        templates,
        failures,
        service.accounts.authenticator,
        service.accounts.sessions,
        service.rate_limits,
        service.accounts.setup,
        service.settings.oidc_host,
    )
    visitors = VisitorPageEndpoints(templates)
    own = OwnPageEndpoints(pages, service.settings.trash_retention)
    installable = InstallableEndpoints(templates)
    builder = BuilderPageEndpoints(pages, _builder_rules(service))
    return [HomeEndpoints(pages), pages, own, builder, visitors, installable, AssetEndpoints()]


def _builder_rules(service: Service) -> BuilderRules:
    return BuilderRules(
        tuple(service.transforms.watermarks),
        tuple(kind.name.lower() for kind in MUST_BE_SIGNED[service.settings.transform_policy]),
        int(service.settings.signed_url_max_lifetime),
    )
