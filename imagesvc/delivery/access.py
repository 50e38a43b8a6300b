"""Permissions of a requester for an image: to see it, to get the original, to render a variant."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass

from starlette.requests import Request

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.permissions import check_may_see, owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.auth.rates.limits import RateLimits, requester_of
from imagesvc.cache.images import ImageCache
from imagesvc.cache.variants import Admit
from imagesvc.delivery.query import Asked, split_extension
from imagesvc.errors import ImagesvcError, NotFound
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.model.images import Image, Visibility


@dataclass(frozen=True, slots=True)
class Access:
    """Authorizes requests for image bytes; public images need no credential."""

    images: ImageCache
    authenticator: Authenticator
    limits: RateLimits

    @property
    def has_accounts(self) -> bool:
        """Whether images have owners, so that different requesters may get different bytes."""
        return self.authenticator.has_accounts

    async def find_image(self, request: Request, asked: Asked) -> Image:
        """The image that the path names, if the requester may see it.

        A private image needs its owner, or a signed URL that expires; an image in the trash needs
        its owner.

        Raises:
            NotFound: the image does not exist for this requester.
        """
        try:
            image = await self.images.get(_image_id_of(request))
        except NotFound:
            # An invalid credential is 401 for a private image, so also where there is no image.
            await self.authenticator.principal(request)
            raise
        is_open = image.shown_as is not Visibility.PRIVATE
        if not is_open and (image.is_trashed or not asked.is_shared):
            principal = await self.authenticator.principal(request)
            check_may_see(principal, image)
            principal.check(Scope.READ)
        return image

    async def find_again(self, request: Request, asked: Asked, image: Image) -> Image:
        """The image once more, after some work for a request for it.

        Meanwhile it may have expired, or have been changed, deleted or put into the trash.

        Raises:
            NotFound: the image does not exist any more for this requester.
        """
        return image if self.images.holds(image) else await self.find_image(request, asked)

    async def may_have_location(self, request: Request, image: Image) -> bool:
        """Whether the requester may read the original with its location: owner or admin."""
        principal = await self._principal(request)
        if principal is None:
            return False
        may_read = principal.is_admin or Scope.READ in principal.scopes
        return may_read and owns(principal, image.owner_id)

    async def render_check(self, request: Request, asked: Asked) -> tuple[Admit | None, str]:
        """The function to call before a variant is rendered for a request, and its requester.

        Users, signed URLs and shares have no limit, so there is nothing to call.
        """
        principal = await self._principal(request)
        requester = requester_of(request, principal)
        is_user = principal is not None and principal.user_id is not None
        if self.limits.renders is None or asked.signature is not None or asked.is_shared or is_user:
            return None, requester
        return functools.partial(self.limits.check_render, request), requester

    async def _principal(self, request: Request) -> Principal | None:
        """The principal of a request whose credential may be missing or invalid."""
        with contextlib.suppress(ImagesvcError):
            return await self.authenticator.principal(request)
        return None


def _image_id_of(request: Request) -> ImageId:
    return ImageId(parse_id(split_extension(request.path_params["image_id"])[0]))
