"""What the settings say about transforms: presets, watermarks, qualities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imagesvc.delivery.presets.versions import preset_digests, preset_versions
from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.transform import canonical, parse_preset
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform, Watermark
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError


@dataclass(frozen=True, slots=True)
class Transforms:
    """The transforms that have names, and what the bytes of every variant depend on."""

    presets: Mapping[str, Transform]
    preset_versions: Mapping[str, str]
    """What follows the name of each preset in its URL."""
    preset_digests: Mapping[str, str]
    """The version of each preset, also of those that have none in their URLs."""
    preset_places: Mapping[tuple[str, str], str]
    """The ends of image URLs, by the name of a preset and its canonical transform."""
    watermarks: Mapping[str, Watermark]
    qualities: Mapping[Format, int]
    """The quality of each lossy format when the URL names none."""


def transforms_of(settings: Settings) -> Transforms:
    """Read presets and watermarks.

    Raises:
        SettingsError: some of them cannot be used.
    """
    presets = read_presets(settings)
    watermarks = read_watermarks(settings)
    qualities = {
        Format.JPEG: settings.quality_jpeg,
        Format.WEBP: settings.quality_webp,
        Format.AVIF: settings.quality_avif,
    }
    versions = preset_versions(presets, qualities, watermarks)
    places = {
        (name, canonical(transform)): f"/{name}{versions[name]}"
        for name, transform in presets.items()
    }
    digests = preset_digests(presets, qualities, watermarks)
    return Transforms(presets, versions, digests, places, watermarks, qualities)


def read_presets(settings: Settings) -> dict[str, Transform]:
    """The presets of the settings as transforms.

    Raises:
        SettingsError: some are not valid transforms; all of them are named.
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
