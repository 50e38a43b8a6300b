"""Delivery: URLs of images, and the header fields of answers to them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from imagesvc.settings.quantities import Seconds, SecondsOrZero

YEAR_SECONDS = 31_536_000.0
ParameterName = Annotated[str, Field(pattern=r"^[^\s*&=?#]+\*?$")]


class DeliverySettings(BaseModel):
    """Which image URLs are signed, which parameters are ignored, and how responses are cached."""

    transform_policy: Literal["open", "presets", "signed"] = Field(
        "open",
        description="URLs that must be signed: none; free-form transforms; these and originals.",
    )
    signing_keys: dict[str, SecretStr] = Field(
        default={},
        description="Keys for signed URLs by id, the first signs; default: one from secret.key.",
    )
    signed_url_max_lifetime: Seconds = Field(
        7 * 86_400.0, description="Time for which the API signs URLs of private images at most."
    )
    ignored_parameters: tuple[ParameterName, ...] = Field(
        (
            "utm_*", "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "twclid", "yclid",
            "igshid", "mc_cid", "mc_eid", "_ga", "_gl", "v", "_",
        ),
        description="Parameters of image URLs that are ignored; a * at the end is any characters.",
    )  # fmt: skip
    allow_debug: bool = Field(
        default=False, description="Let debug=1 show the canonical transform of an answer."
    )
    sendfile: Literal["off", "x-accel-redirect", "x-sendfile"] = Field(
        "off", description="Let the proxy in front send files from the data directory."
    )
    sendfile_prefix: str = Field(
        "/_imagesvc/", description="Path of nginx's internal location of the data directory."
    )
    cache_tag_header: str = Field(
        "off", description="Header that names the image of an answer, such as Cache-Tag, or off."
    )
    max_age: SecondsOrZero = Field(
        YEAR_SECONDS, description="How long caches may keep public images."
    )
    stale_while_revalidate: SecondsOrZero = Field(
        0.0, description="How long shared caches may send stale responses; 0: no directive."
    )

    @field_validator("signing_keys")
    @classmethod
    def _not_empty(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        empty = [name for name, key in keys.items() if not key.get_secret_value().strip()]
        if empty:
            raise ValueError(f"the key {', '.join(empty)} is empty: anyone could sign with it")
        return keys
