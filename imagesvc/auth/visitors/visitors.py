"""Visitors of shares: which links are open, who has sent the password, and how views count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.rates.limits import RateLimits
from imagesvc.auth.visitors.tokens import sha256_of
from imagesvc.auth.visitors.visits import Visits
from imagesvc.errors import Forbidden, Gone, NotFound, PasswordRequired, UsedUp
from imagesvc.model.ids import utc_now
from imagesvc.model.sharing import Share
from imagesvc.store.sharing.shares import ShareStore


@dataclass(frozen=True, slots=True)
class Visitors:
    """Admits requests with the token of a share in their path; it is looked up each time."""

    store: ShareStore
    passwords: Passwords
    visits: Visits
    limits: RateLimits
    clock: Callable[[], datetime] = utc_now

    async def admit(self, request: Request) -> Share:
        """The share of a request for its images; a visit must have begun if that matters.

        Raises:
            NotFound: there is no such share.
            Gone: it has expired.
            UsedUp: it was viewed as often as allowed.
            PasswordRequired: the visitor has not sent its password.
            Forbidden: views are limited, and this visitor's view has not been counted.
        """
        share = await self.find(request)
        if not share.needs_visit or self.visits.is_valid(request, share):
            return share
        _check_may_begin(share)
        raise Forbidden("Open the link first; a browser must keep its cookie.")

    async def enter(self, request: Request) -> tuple[Share, bool]:
        """The share of a request for its page, and whether a visit begins, which was counted.

        Raises:
            NotFound, Gone, PasswordRequired: as `admit`.
        """
        share = await self.find(request)
        if self.visits.is_valid(request, share):
            return share, False
        _check_may_begin(share)
        if request.method == "HEAD":  # of a program that checks links
            return share, False
        await self._count(share)
        return share, True

    async def unlock(self, request: Request, password: str) -> Share:
        """The share of a request with its password; a visit begins, which was counted.

        Raises:
            NotFound, Gone: as `admit`.
            RateLimited: there were too many attempts.
            PasswordRequired: the password is wrong.
        """
        share = await self.find(request)
        if share.is_used_up:
            raise used_up()
        name = f"share {share.id}"
        await self.limits.check_login(request, name)
        if not await self.passwords.is_right(share.password_hash, password):
            raise PasswordRequired("The password is wrong.")
        await self._count(share)
        await self.limits.remember_login(request, name)
        return share

    async def find(self, request: Request) -> Share:
        """The share whose token a path has, if it has not expired.

        Raises:
            NotFound: there is none.
            Gone: it has expired.
        """
        share = await self.store.of_token(sha256_of(request.path_params["token"]))
        if share is None:
            raise NotFound("There is no such link; it may have been withdrawn.")
        if share.expires_at is not None and share.expires_at <= self.clock():
            raise Gone("This link has expired.")
        return share

    async def _count(self, share: Share) -> None:
        if not await self.store.count_view(share.id, now=self.clock()):
            raise used_up()


def _check_may_begin(share: Share) -> None:
    if share.is_used_up:
        raise used_up()
    if share.password_hash is not None:
        raise PasswordRequired("This link needs its password.")


def used_up() -> UsedUp:
    """The error of a share that was viewed as often as allowed."""
    return UsedUp("This link was viewed as often as it may be.")
