"""Principals: who a request comes from, and the scopes that it carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagesvc.errors import Forbidden, Unauthorized
from imagesvc.model import Audience, UserId


class Scope(StrEnum):
    """What a credential is good for. Admin has all the others; the others are apart."""

    READ = "read"
    UPLOAD = "upload"
    MANAGE = "manage"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)
USER_SCOPES = EVERY_SCOPE - {Scope.ADMIN}
"""What a user who is no admin may do, and grant to keys."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking; `user_id` is None for strangers, and where there are no accounts."""

    user_id: UserId | None
    name: str
    scopes: frozenset[Scope]

    @property
    def is_admin(self) -> bool:
        """Whether everything of everybody is open to it."""
        return Scope.ADMIN in self.scopes

    @property
    def audience(self) -> Audience:
        """Whose images its lists show."""
        return Audience(self.user_id, sees_all=self.is_admin)

    def check(self, scope: Scope) -> None:
        """Hold the principal against what an operation needs.

        Raises:
            Unauthorized: a stranger.
            Forbidden: its credential is not good for this.
        """
        if self == STRANGER:
            raise Unauthorized("This needs an API key or a token: Authorization: Bearer …")
        if scope not in self.scopes and not self.is_admin:
            raise Forbidden(f"This needs the scope {scope}, which the credential lacks.")


STRANGER = Principal(None, "stranger", frozenset())
"""Brings no credential."""
ANYBODY = Principal(None, "anybody", EVERY_SCOPE)
"""Whoever asks a service without accounts."""
