"""What URLs of images may carry besides transforms: signatures, and parameters without meaning."""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.auth.signing import RESERVED, Signer
from imagesvc.delivery.preset_versions import PARAMETER
from imagesvc.imaging.transforms.keys import KEYS
from imagesvc.service.files import Files
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.secret import derive_key, load_secret
from imagesvc.syntax.appended import Appended

MEANINGFUL = RESERVED | KEYS.keys() | {"preset", "sigma", "download", "debug"}
"""Parameters of image URLs that `ignored_parameters` cannot contain."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Reads and signs URLs of images."""

    appended: Appended
    signer: Signer


def urls_of(settings: Settings, files: Files) -> Urls:
    """The signer of the settings' keys, or of a key derived from the data directory's secret."""
    appended = Appended((*settings.ignored_parameters, PARAMETER), MEANINGFUL)
    return Urls(appended, Signer(signing_keys(settings, files.data_dir), appended))


def url_for_browsers(settings: Settings, url: str) -> str:
    """The URL of the service for browsers, by the settings, where it listens at `url`.

    The Host field of no request determines it. Browsers reach a Unix socket through a proxy, whose
    URL only `public_url` can tell.
    """
    if url.startswith("http+unix://"):
        url = "http://localhost"
    return f"{url}{settings.prefix}" if settings.public_url == "off" else settings.public_url


def signing_keys(settings: Settings, data_dir: DataDir) -> dict[str, bytes]:
    """The keys for signed URLs by id, the signing key first."""
    given = {
        name: secret.get_secret_value().encode() for name, secret in settings.signing_keys.items()
    }
    if given:
        return given
    secret = load_secret(data_dir.secret)
    return {"default": derive_key(secret, "signed-urls").hex().encode()}
