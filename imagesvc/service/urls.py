"""What URLs of images may carry besides transforms: signatures, and parameters without meaning."""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.auth.signing import RESERVED, Signer
from imagesvc.delivery.presets.versions import PARAMETER
from imagesvc.imaging.transforms.keys import KEYS
from imagesvc.settings.settings import Settings
from imagesvc.store.files.secret import derive_key
from imagesvc.syntax.appended import Appended

MEANINGFUL = RESERVED | KEYS.keys() | {"preset", "sigma", "download", "debug"}
"""Parameters of image URLs that `ignored_parameters` cannot contain."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Reads and signs URLs of images."""

    appended: Appended
    signer: Signer


def urls_of(settings: Settings, secret: bytes) -> Urls:
    """The signer of the settings' keys, or of a key derived from the service's secret."""
    appended = Appended((*settings.ignored_parameters, PARAMETER), MEANINGFUL)
    return Urls(appended, Signer(_signing_keys(settings, secret), appended))


def url_for_browsers(settings: Settings, url: str) -> str:
    """The URL of the service for browsers, by the settings, where it listens at `url`.

    The Host field of no request determines it. Browsers reach a Unix socket through a proxy, whose
    URL only `public_url` can tell.
    """
    if url.startswith("http+unix://"):
        url = "http://localhost"
    return f"{url}{settings.prefix}" if settings.public_url == "off" else settings.public_url


def _signing_keys(settings: Settings, secret: bytes) -> dict[str, bytes]:
    """The keys for signed URLs by id, the signing key first."""
    given = {
        name: secret.get_secret_value().encode() for name, secret in settings.signing_keys.items()
    }
    if given:
        return given
    return {"default": derive_key(secret, "signed-urls").hex().encode()}
