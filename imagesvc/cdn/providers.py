"""The purge requests of each supported CDN.

Sources: Cloudflare API, `POST /zones/{zone_id}/purge_cache`; Fastly API,
`POST /service/{service_id}/purge`; bunny.net API, `POST /pullzone/{id}/purgeCache`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from imagesvc.model.ids import ImageId
from imagesvc.outbound.requests import Sent

Make = Callable[[Sequence[str]], Mapping[str, object]]
JSON = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Provider:
    """The API of one CDN, for one zone of it."""

    name: str
    url: str
    credential: tuple[str, str]
    """The header field that has the token."""
    tags_at_once: int
    body: Make
    confirms: Callable[[bytes], bool]
    """Whether the body of a response with status 2xx says that the purge is done."""

    def request(self, tags: Sequence[str]) -> Sent:
        """The request that purges some tags."""
        body = json.dumps(self.body(tags)).encode()
        return Sent("POST", (self.credential, JSON, ("Accept", "application/json")), body)

    def is_confirmed(self, status: int, body: bytes) -> bool:
        """Whether a response says that the purge is done."""
        is_success = HTTPStatus(200) <= status < HTTPStatus(300)
        return is_success and self.confirms(body)


def tag_of(image_id: ImageId) -> str:
    """The tag of all responses about an image."""
    return f"image-{image_id}"


def provider_of(name: str, zone: str, token: str, api_url: str | None = None) -> Provider:
    """The API of a CDN by the name in the settings.

    Args:
        name: `cloudflare`, `fastly` or `bunny`.
        zone: the id of the zone, of the service, or of the pull zone.
        token: the API token, which may be restricted to purges.
        api_url: what URLs of the API begin with, if it is not the public one.
    """
    base = (api_url or _PUBLIC[name]).removesuffix("/")
    if name == "cloudflare":
        return Provider(
            name, f"{base}/client/v4/zones/{zone}/purge_cache",
            ("Authorization", f"Bearer {token}"), 100, lambda tags: {"tags": tags}, _says_success,
        )  # fmt: skip
    if name == "fastly":
        return Provider(
            name, f"{base}/service/{zone}/purge", ("Fastly-Key", token), 256,
            lambda tags: {"surrogate_keys": tags}, lambda _body: True,
        )  # fmt: skip
    return Provider(
        name, f"{base}/pullzone/{zone}/purgeCache", ("AccessKey", token), 1,
        lambda tags: {"CacheTag": tags[0]}, lambda _body: True,
    )  # fmt: skip


_PUBLIC = {
    "cloudflare": "https://api.cloudflare.com",
    "fastly": "https://api.fastly.com",
    "bunny": "https://api.bunny.net",
}


def _says_success(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("success") is True
