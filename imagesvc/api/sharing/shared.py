"""What visitors of a share get: its title and its images, once they have sent the password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.images.cursors import position_text, read_position
from imagesvc.api.schemas import Instant
from imagesvc.auth.rates.limits import Limit
from imagesvc.auth.visitors.visitors import Visitors
from imagesvc.errors import Forbidden, Gone, NotFound, PasswordRequired, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Query, Sent
from imagesvc.http.operations import Answer, operation
from imagesvc.http.pages import DEFAULT_LIMIT
from imagesvc.http.pages import Limit as PageLimit
from imagesvc.http.requests import json_response
from imagesvc.model.images import Image
from imagesvc.model.sharing import Share, ShareTarget
from imagesvc.store.search.keys import dated_at
from imagesvc.store.sharing.contents import SharedImages

TAG = "sharing"
ONE = "/api/v1/shared/{token}"
COOKIE: Mapping[str, str] = {"Set-Cookie": "The cookie of the visit, for this share only."}
NO_INDEX = {"x-robots-tag": "noindex", "referrer-policy": "no-referrer"}
ERRORS = (NotFound, Gone, Forbidden, PasswordRequired)


class UnlockIn(Sent, title="UnlockRequest"):
    """The password of a share."""

    password: str = Field(max_length=1024)


class SharedOut(Model, title="Shared"):
    """A share as visitors see it."""

    title: str
    target: ShareTarget
    allow_download: bool
    show_metadata: bool
    expires_at: Instant | None
    presets: dict[str, str]
    """The ends of the URLs of images, by preset: `/s/{token}/i/{id}/` and one of these."""


class SharedImagesOut(Model, title="SharedImages"):
    """Images of a share, the newest first, as columns of equal length."""

    ids: list[UUID]
    widths: list[int]
    heights: list[int]
    thumbhashes: list[str | None]
    taken: list[int] | None
    """When each was taken, by the clock of the camera, in seconds since 1970; null without
    `show_metadata`.
    """
    exif: list[dict[str, Any]] | None
    """The camera and the shot; null without `show_metadata`."""
    next_cursor: str | None


class SharedQuery(Query):
    """The page of images."""

    limit: PageLimit = DEFAULT_LIMIT
    """The maximum number of images."""
    cursor: str | None = None
    """The `next_cursor` of the previous page."""


@dataclass(frozen=True, slots=True)
class SharedEndpoints:
    """The operations for visitors of shares; the fields are their dependencies."""

    visitors: Visitors
    contents: SharedImages
    presets: Mapping[str, str]
    """The ends of URLs of the presets that visitors may have."""

    @operation(
        "get_shared", "GET", ONE, tag=TAG, limit=Limit.ADDRESS,
        answers={200: Answer(SharedOut, COOKIE)}, errors=ERRORS,
    )  # fmt: skip
    async def show(self, call: Call[None, None]) -> Response:
        """Open a share without a password, which counts as a view, or show an opened one.

        A share with a password answers 403 `password_required`, and tells nothing else, until
        `unlock` has been sent the password.
        """
        share, begins = await self.visitors.enter(call.request)
        return self._opened(call, share, begins=begins)

    @operation(
        "unlock_shared", "POST", f"{ONE}/unlock", tag=TAG, limit=Limit.ADDRESS,
        body=Json(UnlockIn), answers={200: Answer(SharedOut, COOKIE)},
        errors=(*ERRORS, UnsupportedMediaType),
    )  # fmt: skip
    async def unlock(self, call: Call[None, UnlockIn]) -> Response:
        """Open a share with its password, which counts as a view.

        The response sets a cookie that is valid for this share only, for 24 hours at most.
        """
        share = await self.visitors.unlock(call.request, call.body.password)
        return self._opened(call, share, begins=True)

    @operation(
        "list_shared_images", "GET", f"{ONE}/images", tag=TAG, limit=Limit.ADDRESS,
        query=SharedQuery, answers={200: SharedImagesOut}, errors=ERRORS,
    )  # fmt: skip
    async def page(self, call: Call[SharedQuery, None]) -> Response:
        """The images of a share as columns; a page may be short and have a next one."""
        share = await self.visitors.admit(call.request)
        key = share.id.hex[-16:]
        found = await self.contents.page(
            share, limit=call.query.limit, after=read_position(call.query.cursor, key)
        )
        cursor = position_text(found.next_after, key)
        return json_response(_columns(share, found.images, cursor), headers=NO_INDEX)

    def _opened(self, call: Call[Any, Any], share: Share, *, begins: bool) -> Response:
        shown = SharedOut(
            title=share.title,
            target=share.target,
            allow_download=share.allow_download,
            show_metadata=share.show_metadata,
            expires_at=share.expires_at,
            presets=dict(self.presets),
        )
        response = json_response(shown, headers=NO_INDEX)
        if begins:
            token = call.request.path_params["token"]
            self.visitors.visits.begin(call.request, response, share, token)
        return response


def _columns(share: Share, images: list[Image], cursor: str | None) -> SharedImagesOut:
    has_metadata = share.show_metadata
    return SharedImagesOut(
        ids=[image.id for image in images],
        widths=[image.original.width for image in images],
        heights=[image.original.height for image in images],
        thumbhashes=[image.analysis.thumbhash if image.analysis else None for image in images],
        taken=[_taken(image) for image in images] if has_metadata else None,
        exif=[image.exif for image in images] if has_metadata else None,
        next_cursor=cursor,
    )


def _taken(image: Image) -> int:
    return int(dated_at(image.exif, image.created_at).timestamp())
