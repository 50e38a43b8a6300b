"""The user whose keys or sessions a request concerns."""

from __future__ import annotations

from uuid import UUID

from imagesvc.auth.principals import Principal
from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.http.requests import invalid
from imagesvc.model.ids import UserId


def named_user(requester: Principal, named: UUID | None, loc: str) -> UserId:
    """The named user; the requester by default.

    Raises:
        NotFound: it is another user, and the requester is not an admin.
        InvalidRequest: there are no accounts, so that there is no default.
    """
    if named is None:
        if requester.user_id is None:
            raise invalid(loc, "is required, since the request has no user")
        return requester.user_id
    check_is_own(requester, UserId(named))
    return UserId(named)


def check_is_own(requester: Principal, user_id: UserId) -> None:
    """Hide what belongs to another user from all but admins.

    Raises:
        NotFound: it does not exist for this requester.
    """
    if not requester.is_admin and user_id != requester.user_id:
        raise NotFound(NO_SUCH_ID)
