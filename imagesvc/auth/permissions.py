"""What a principal may see and change. What is private does not exist for others: 404, not 403."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from imagesvc.auth.principals import Principal
from imagesvc.errors import NO_SUCH_ID, Forbidden, NotFound
from imagesvc.model.ids import UserId
from imagesvc.model.images import Visibility
from imagesvc.model.jobs import Job


class Owned(Protocol):
    """Something with an owner, and a word on who else may see it."""

    @property
    def owner_id(self) -> UserId | None:
        """None for what was there before accounts were."""
        ...

    @property
    def visibility(self) -> Visibility:
        """Who else may see it."""
        ...


def owns(principal: Principal, owner_id: UserId | None) -> bool:
    """Whether this is the principal's own, or the principal an admin."""
    return principal.is_admin or (owner_id is not None and owner_id == principal.user_id)


def check_may_see(principal: Principal, thing: Owned) -> None:
    """Hide what is private from everyone but its owner.

    Raises:
        NotFound: for this principal there is no such thing.
    """
    if thing.visibility is Visibility.PRIVATE and not owns(principal, thing.owner_id):
        raise NotFound(NO_SUCH_ID)


def check_may_change(principal: Principal, thing: Owned) -> None:
    """Leave changes to the owner.

    Raises:
        NotFound: for this principal there is no such thing.
        Forbidden: it is seen, and someone else's.
    """
    check_may_see(principal, thing)
    if not owns(principal, thing.owner_id):
        raise Forbidden("This belongs to someone else.")


def check_is_own_job(principal: Principal, job: Job) -> None:
    """Jobs are nobody's business but their owner's.

    Raises:
        NotFound: for this principal there is no such job.
    """
    if not owns(principal, job.owner_id):
        raise NotFound(NO_SUCH_ID)


def check_may_list(principal: Principal, owner_id: UUID | None) -> None:
    """Leave lists of one owner to that owner and to admins.

    Raises:
        Forbidden: it is someone else's.
    """
    if owner_id is not None and not owns(principal, UserId(owner_id)):
        raise Forbidden("Only an admin may list what one other owner has.")
