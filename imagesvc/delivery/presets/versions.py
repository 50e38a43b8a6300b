"""A version for each preset in its URL: cached responses of a changed preset are not used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from imagesvc.imaging.transforms.transform import canonical, parse_preset
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform, Watermark
from imagesvc.settings.images.transforms import DEFAULT_PRESETS
from imagesvc.settings.settings import Settings

PARAMETER = "v"
"""Its parameter in URLs, which is ignored in requests, so that old URLs still work."""
DIGITS = 8


def preset_versions(
    presets: Mapping[str, Transform],
    quality: Mapping[Format, int],
    watermarks: Mapping[str, Watermark],
) -> dict[str, str]:
    """The version of each preset in its URL: `?v=…`, or nothing for a default one.

    A version changes with every setting that affects a preset's bytes.
    """
    digests = preset_digests(presets, quality, watermarks)
    defaults = Settings.model_fields
    usual = {Format(name): defaults[f"quality_{name}"].default for name in ("jpeg", "webp", "avif")}
    versions: dict[str, str] = {}
    for name in presets:
        version = digests[name]
        text = DEFAULT_PRESETS.get(name)
        is_default = text is not None and version == _version(parse_preset(text), usual, {})
        versions[name] = "" if is_default else f"?{PARAMETER}={version}"
    return versions


def preset_digests(
    presets: Mapping[str, Transform],
    quality: Mapping[Format, int],
    watermarks: Mapping[str, Watermark],
) -> dict[str, str]:
    """The version of each preset, also of those whose URLs usually have none."""
    return {name: _version(transform, quality, watermarks) for name, transform in presets.items()}


def _version(
    transform: Transform, quality: Mapping[Format, int], watermarks: Mapping[str, Watermark]
) -> str:
    watermark = watermarks.get(transform.wm.partition(":")[0])
    decides = [
        canonical(transform),
        {str(kind): value for kind, value in quality.items()},
        None if watermark is None else watermark.fingerprint,
    ]
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
