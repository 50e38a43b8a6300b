"""Principals: the identity behind a request, with its scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagesvc.errors import InsufficientScope, Unauthorized
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId
from imagesvc.model.images import Viewer


class Scope(StrEnum):
    """What a credential permits. `admin` includes all other scopes, which are independent."""

    READ = "read"
    UPLOAD = "upload"
    MANAGE = "manage"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)
USER_SCOPES = EVERY_SCOPE - {Scope.ADMIN}
"""The scopes that a user who is not an admin has and may grant to keys."""


def scopes_of_user(user: User) -> frozenset[Scope]:
    """The scopes that credentials of a user may have."""
    return EVERY_SCOPE if user.is_admin else USER_SCOPES


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity behind a request; `user_id` is None for strangers and without accounts."""

    user_id: UserId | None
    name: str
    scopes: frozenset[Scope]
    is_operator: bool = False
    """Whether the user is an admin, regardless of the scopes of this credential."""

    @property
    def is_admin(self) -> bool:
        """Whether it may access the data of all users."""
        return Scope.ADMIN in self.scopes

    @property
    def viewer(self) -> Viewer:
        """The viewer of its lists."""
        return Viewer(self.user_id, sees_all=self.is_admin)

    def check(self, scope: Scope) -> None:
        """Check that the principal has the scope of an operation.

        Raises:
            Unauthorized: the principal is a stranger.
            InsufficientScope: its credential lacks the scope.
        """
        if self == STRANGER:
            raise Unauthorized("This needs an API key or a token: Authorization: Bearer …")
        if scope not in self.scopes and not self.is_admin:
            raise InsufficientScope(f"This needs the scope {scope}, which the credential lacks.")


STRANGER = Principal(None, "stranger", frozenset())
"""A requester without a credential."""
ANYBODY = Principal(None, "anybody", EVERY_SCOPE, is_operator=True)
"""The requester of a service without accounts."""
