"""The CDN in front: where changed images are purged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from imagesvc.syntax.hosts import is_safe_url

TAG_HEADERS = {"cloudflare": "Cache-Tag", "fastly": "Surrogate-Key", "bunny": "CDN-Tag"}


class CdnSettings(BaseModel):
    """The CDN that caches responses, and the credential with which it is purged."""

    cdn_zone: str = Field(
        "off", description="Id of the zone (Cloudflare), service (Fastly) or pull zone (bunny)."
    )
    cdn_token: SecretStr | None = Field(None, description="API token that may purge the zone.")
    cdn_token_file: Path | None = Field(
        None, description="File with this token instead, such as a mounted one."
    )
    cdn_api_url: str = Field(
        "off", description="What URLs of the CDN's API begin with; off: the public address."
    )
    cdn: Literal["off", "cloudflare", "fastly", "bunny"] = Field(
        "off",
        validate_default=True,
        description="CDN that is purged when images change, or off.",
    )

    @field_validator("cdn_zone")
    @classmethod
    def _names_zone(cls, zone: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", zone):
            raise ValueError("must be an id of letters, digits, - and _")
        return zone

    @field_validator("cdn_api_url")
    @classmethod
    def _begins_api_urls(cls, url: str) -> str:
        if url != "off" and (not is_safe_url(url) or re.search(r"[\s?#@]", url)):
            raise ValueError("must be an https URL without query, or http on this machine, or off")
        return url.removesuffix("/")

    @field_validator("cdn")
    @classmethod
    def _has_zone_and_token(cls, cdn: str, info: ValidationInfo) -> str:
        given = info.data
        token, file = given.get("cdn_token"), given.get("cdn_token_file")
        if cdn == "off":
            zone = None if given.get("cdn_zone") == "off" else given.get("cdn_zone")
            others = {"cdn_zone": zone, "cdn_token": token, "cdn_token_file": file}
            if name := next((name for name, value in others.items() if value is not None), None):
                raise ValueError(f"is required with {name}")
            return cdn
        if given.get("cdn_zone", "off") == "off":
            raise ValueError("requires cdn_zone")
        if (token is None) == (file is None):
            raise ValueError("requires either cdn_token or cdn_token_file")
        if token is not None and not token.get_secret_value().strip():
            raise ValueError("requires a cdn_token that is not empty")
        if given.get("cache_tag_header", "off") != "off":
            raise ValueError(f"sends {TAG_HEADERS[cdn]} itself; remove cache_tag_header")
        return cdn
