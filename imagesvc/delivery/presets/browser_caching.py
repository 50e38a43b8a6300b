"""Private variants that a browser may keep for its user, without asking again for each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from imagesvc.auth.sessions.sessions import SESSION
from imagesvc.delivery.headers import CREDENTIALS, Headers
from imagesvc.delivery.presets.versions import PARAMETER
from imagesvc.delivery.query import Asked, split_extension
from imagesvc.model.images import Image, Visibility

MAX_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class BrowserCaching:
    """Decides it by the version in the URL of a preset, which changes with the preset."""

    digests: Mapping[str, str]
    """The current version of each preset."""

    def applied_to(self, headers: Headers, request: Request, image: Image, asked: Asked) -> Headers:
        """The headers of a variant, which a session lets the browser keep.

        Only the session that got it has it again: another cookie is another request.
        """
        if not self._may_keep(request, image, asked):
            return headers
        seconds = MAX_SECONDS
        if image.expires_at is not None:
            seconds = max(0, min(seconds, int(image.expires_at.timestamp() - time.time())))
        parts = ["private", f"max-age={seconds}"]
        if seconds == MAX_SECONDS:
            parts.append("immutable")
        vary = [headers["vary"]] if "vary" in headers else []
        return {
            **headers, "cache-control": ", ".join(parts), "vary": ", ".join([*vary, CREDENTIALS])
        }  # fmt: skip

    def _may_keep(self, request: Request, image: Image, asked: Asked) -> bool:
        is_own = image.visibility is Visibility.PRIVATE and not image.is_trashed
        if not is_own or asked.is_shared or SESSION not in request.scope:
            return False
        name = split_extension(request.path_params.get("preset", ""))[0]
        return name in self.digests and self.digests[name] == request.query_params.get(PARAMETER)
