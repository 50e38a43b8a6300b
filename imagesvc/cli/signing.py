"""The command `sign`."""

from __future__ import annotations

import re
import time
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlencode

import typer
from rich.console import Console

from imagesvc.cli.loading import load_settings
from imagesvc.cli.options import DataDirOption
from imagesvc.service.parts import Parts
from imagesvc.settings.quantities import option_seconds
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError

IMAGE_PATH = re.compile(r"/images/[^/]+(/[^/]+)?|/blurred-images/[^/]+")
"""The prefixes of URLs that may be signed."""


def sign(
    url: Annotated[str, typer.Argument(help="A path with its query: /images/ID?w=400")],
    expires_in: Annotated[
        str | None, typer.Option(help="Time it is valid, such as 1h. Default: forever.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Id of the key; default: the first.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print the signed URL of an image's path; without --expires-in it never expires.

    Then only another secret.key, or the removal of the key from signing_keys, ends it.
    """
    settings = load_settings(data_dir=data_dir)
    signer = Parts(settings, is_offline=True).urls.signer
    if key is not None and key not in signer.keys:
        raise SettingsError(f"signing_keys: there is no key {key!r}")
    expires_at = None
    if expires_in is not None:
        expires_at = int(time.time() + option_seconds("--expires-in", expires_in))
    path, _, query = _below(url, settings).partition("?")
    if not IMAGE_PATH.fullmatch(path):
        raise SettingsError(f"{url}: sign the path of an image, such as /images/ID?w=400")
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = signer.sign(unquote(path), pairs, expires_at=expires_at, key_id=key)
    shown = f"{settings.base_url}{path}?{urlencode(signed)}"
    Console(soft_wrap=True).print(shown, markup=False, highlight=False)


def _below(url: str, settings: Settings) -> str:
    """The signed part of a URL, without the prefix of the service's URLs."""
    for beginning in (settings.base_url, settings.prefix):
        if beginning and url.startswith((f"{beginning}/images/", f"{beginning}/blurred-images/")):
            return url.removeprefix(beginning)
    return url
