"""The gallery as an installed app: its manifest, and where the share sheet of a phone sends photos.

A service worker takes the photos in the browser and keeps them until the page asks whether to
upload them, so that no page of another site can upload anything, and none are lost by a log-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from imagesvc.auth.rates.limits import Limit
from imagesvc.errors import NotFound
from imagesvc.http.bodies.declared import TEXT, Raw
from imagesvc.http.bodies.html_forms import see_other
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import Answer, operation
from imagesvc.web.assets import assets
from imagesvc.web.languages import catalogues, language_of
from imagesvc.web.pages import TAG
from imagesvc.web.templating import Pages

MANIFEST = "/manifest.webmanifest"
MANIFEST_TYPE = "application/manifest+json"
WORKER = "/service-worker.js"
WORKER_FILE = "js/service_worker.js"
WORKER_POLICY = "default-src 'none'"
SHARE = "/share-target"
FILES_FIELD = "media"
"""Of the form that the system sends; the service worker reads it."""
NO_CACHE = "no-cache"
COLOUR = "#fbfaf8"
ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("maskable-512.png", "512x512", "maskable"),
)


@dataclass(frozen=True, slots=True)
class InstallableEndpoints:
    """What browsers need to install the gallery; none where the gallery is switched off."""

    pages: Pages

    @operation(
        "get_manifest", "GET", MANIFEST, tag=TAG, query=LenientQuery, is_documented=False,
        answers={200: Answer(Raw((MANIFEST_TYPE,), TEXT))}, errors=(NotFound,),
    )  # fmt: skip
    async def manifest(self, call: Call[LenientQuery, None]) -> Response:
        """The manifest of the app (W3C); it is the same for all users."""
        self.pages.check_is_on()
        await run_in_threadpool(assets)
        texts = (await run_in_threadpool(catalogues))[language_of(call.request)]
        return JSONResponse(
            manifest(call.base_path, texts["common.name"], texts["common.description"]),
            headers={"cache-control": NO_CACHE, "vary": "accept-language, cookie"},
            media_type=MANIFEST_TYPE,
        )

    @operation(
        "get_service_worker", "GET", WORKER, tag=TAG, query=LenientQuery, is_documented=False,
        answers={200: Answer(Raw(("text/javascript",), TEXT)), 304: None}, errors=(NotFound,),
    )  # fmt: skip
    async def worker(self, call: Call[LenientQuery, None]) -> Response:
        """The service worker; its path makes it responsible for all pages of the gallery."""
        self.pages.check_is_on()
        media_type, packed = (await run_in_threadpool(assets)).files[WORKER_FILE]
        fields = {
            "cache-control": NO_CACHE,
            "content-security-policy": WORKER_POLICY,
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        return packed.answer(call.request, media_type, fields)

    @operation(
        "receive_share", "POST", SHARE, tag=TAG, limit=Limit.ADDRESS, is_documented=False,
        answers={303: None}, errors=(NotFound,),
    )  # fmt: skip
    async def share(self, call: Call[None, None]) -> Response:
        """Lead to the gallery, which says that the photos were not received.

        Only a browser without the service worker sends this request. The photos are not read.
        """
        self.pages.check_is_on()
        return see_other(f"{call.base_path}/?shared=lost")


def manifest(base: str, name: str, description: str) -> dict[str, Any]:
    """The manifest for a service below a path."""
    folder = f"{base}{assets().prefix}/icons"
    start = f"{base}/"
    return {
        "id": start,
        "name": name,
        "short_name": name,
        "description": description,
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "background_color": COLOUR,
        "theme_color": COLOUR,
        "icons": [
            {"src": f"{folder}/{file}", "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
        "share_target": {
            "action": f"{base}{SHARE}",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": FILES_FIELD, "accept": ["image/*"]}]},
        },
    }
