"""What a principal may see and change. Private data of other users is 404, not 403."""

from __future__ import annotations

from uuid import UUID

from imagesvc.auth.principals import Principal
from imagesvc.errors import NO_SUCH_ID, Forbidden, NotFound
from imagesvc.model.ids import UserId
from imagesvc.model.images import Collection, Image, Visibility
from imagesvc.model.jobs import Job

Owned = Image | Collection
"""What has an owner and a visibility."""


def owns(principal: Principal, owner_id: UserId | None) -> bool:
    """Whether the principal owns this, or is an admin."""
    return principal.is_admin or (owner_id is not None and owner_id == principal.user_id)


def may_see(principal: Principal, thing: Owned) -> bool:
    """Whether this exists for the principal: it is not private, or its own."""
    return thing.shown_as is not Visibility.PRIVATE or owns(principal, thing.owner_id)


def check_may_see(principal: Principal, thing: Owned) -> None:
    """Hide private resources, and images in the trash, from everyone but the owner.

    Raises:
        NotFound: the resource does not exist for this principal.
    """
    if not may_see(principal, thing):
        raise NotFound(NO_SUCH_ID)


def check_may_change(principal: Principal, thing: Owned) -> None:
    """Allow changes to the owner only.

    Raises:
        NotFound: the resource does not exist for this principal.
        Forbidden: it is visible, but belongs to another user.
    """
    check_may_see(principal, thing)
    if not owns(principal, thing.owner_id):
        raise Forbidden("This belongs to another user.")


def check_is_own_job(principal: Principal, job: Job) -> None:
    """Hide jobs from everyone but the owner.

    Raises:
        NotFound: the job does not exist for this principal.
    """
    if not owns(principal, job.owner_id):
        raise NotFound(NO_SUCH_ID)


def check_may_list(principal: Principal, owner_id: UUID | None) -> None:
    """Allow lists of one owner to that owner and to admins only.

    Raises:
        Forbidden: the list is that of another user.
    """
    if owner_id is not None and not owns(principal, UserId(owner_id)):
        raise Forbidden("Only an admin may list the images of another owner.")
