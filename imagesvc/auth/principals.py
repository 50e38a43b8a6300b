"""Principals: who a request comes from, and the scopes that it carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagesvc.errors import InsufficientScope, Unauthorized
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId
from imagesvc.model.images import Viewer


class Scope(StrEnum):
    """What a credential is good for. Admin has all the others; the others are apart."""

    READ = "read"
    UPLOAD = "upload"
    MANAGE = "manage"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)
USER_SCOPES = EVERY_SCOPE - {Scope.ADMIN}
"""What a user who is no admin may do, and grant to keys."""


def scopes_of_user(user: User) -> frozenset[Scope]:
    """What the credentials of a user may be good for."""
    return EVERY_SCOPE if user.is_admin else USER_SCOPES


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking; `user_id` is None for strangers, and where there are no accounts."""

    user_id: UserId | None
    name: str
    scopes: frozenset[Scope]
    is_operator: bool = False
    """Whether the user is an admin, whatever this credential is good for."""

    @property
    def is_admin(self) -> bool:
        """Whether everything of everybody is open to it."""
        return Scope.ADMIN in self.scopes

    @property
    def viewer(self) -> Viewer:
        """Whose images its lists show."""
        return Viewer(self.user_id, sees_all=self.is_admin)

    def check(self, scope: Scope) -> None:
        """Hold the principal against what an operation needs.

        Raises:
            Unauthorized: a stranger.
            InsufficientScope: its credential is not good for this.
        """
        if self == STRANGER:
            raise Unauthorized("This needs an API key or a token: Authorization: Bearer …")
        if scope not in self.scopes and not self.is_admin:
            raise InsufficientScope(f"This needs the scope {scope}, which the credential lacks.")


STRANGER = Principal(None, "stranger", frozenset())
"""Brings no credential."""
ANYBODY = Principal(None, "anybody", EVERY_SCOPE, is_operator=True)
"""Whoever asks a service without accounts."""
