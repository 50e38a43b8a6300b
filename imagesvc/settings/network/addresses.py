"""Addresses that clients see: origins of web pages, reverse proxies, and the public URL."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from imagesvc.syntax.prefixes import prefix_of

_PUBLIC_URL = re.compile(
    r"https?://(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?P<path>/.+)?/?"
)


def _origin(value: object) -> object:
    """Read `https://app.example.org`, as browsers send it, or `*`."""
    if not isinstance(value, str) or value == "*":
        return value
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://([^/?#@\s]+)", value.lower())
    if match is None:
        raise ValueError(
            "an origin is a scheme, a host and a port that is not the usual one, such as "
            "https://app.example.org, or *"
        )
    usual = {"http": ":80", "https": ":443"}.get(match[1], "")
    return f"{match[1]}://{match[2].removesuffix(usual)}"


Origin = Annotated[str, BeforeValidator(_origin)]


class AddressSettings(BaseModel):
    """Trusted origins and proxies, the prefix of URLs, and whether there is a gallery."""

    cors_origins: tuple[Origin, ...] = Field(
        (),
        description="Origins whose pages may use this service from browsers; * is every origin.",
    )
    trusted_proxies: tuple[Literal["unix"] | IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks whose Forwarded and X-Forwarded-* fields are trusted; unix: uds.",
    )
    public_url: str = Field(
        "off", description="The prefix of URLs, such as https://example.org/media, or off."
    )
    base_path: str = Field(
        "/",
        description="Path at which the service is served; that of public_url if only it is set.",
    )
    gallery: bool = Field(default=True, description="Whether browsers get the gallery.")

    @field_validator("public_url")
    @classmethod
    def _begins_urls(cls, url: str) -> str:
        if url == "off":
            return url
        match = _PUBLIC_URL.fullmatch(url)
        if match is None or (match["path"] and prefix_of(match["path"]) is None):
            raise ValueError(
                "must be an http or https URL with a host and an optional path, such as "
                "https://example.org/media, or off"
            )
        return url.removesuffix("/")

    @field_validator("base_path")
    @classmethod
    def _is_prefix(cls, path: str) -> str:
        prefix = prefix_of(path)
        if path != "/" and prefix is None:
            raise ValueError("must be a path such as /media, of A-Z, a-z, 0-9, -, ., _ and ~")
        return prefix or "/"

    @property
    def prefix(self) -> str:
        """The prefix of request paths; empty at the root."""
        if self.base_path == "/" and self.public_url != "off":
            return urlsplit(self.public_url).path
        return self.base_path.removesuffix("/")

    @property
    def base_url(self) -> str:
        """The prefix of URLs, if no request overrides it: an absolute URL, or a path."""
        return self.prefix if self.public_url == "off" else self.public_url
