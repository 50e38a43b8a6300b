"""API keys: make and revoke them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from imagesvc.auth.principals import Scope, scopes_of_user
from imagesvc.auth.secrets import Secret
from imagesvc.auth.users import made_key
from imagesvc.errors import Forbidden
from imagesvc.model.accounts import ApiKey, User
from imagesvc.model.ids import KeyId, utc_now
from imagesvc.store.credentials import KeyStore


class ScopeNotAllowed(Forbidden):
    """The user of a key cannot have one of its scopes."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes and revokes API keys, for the API and for commands."""

    store: KeyStore
    clock: Callable[[], datetime] = utc_now

    async def add(
        self,
        user: User,
        name: str,
        scopes: frozenset[Scope] | None,
        *,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, Secret]:
        """Make a key of a user, and the secret that is shown once.

        Without scopes it has all that the user can have.

        Raises:
            ScopeNotAllowed: the user cannot have one of the scopes.
            InvalidRequest: it has expired already.
            NotFound: the user is gone.
        """
        allowed = scopes_of_user(user)
        for scope in Scope:
            if scope in (scopes or ()) and scope not in allowed:
                raise ScopeNotAllowed(f"The user {user.name} cannot have the scope {scope}.")
        key, secret = made_key(
            user.id, name, scopes or allowed, now=self.clock(), expires_at=expires_at
        )
        await self.store.add(key)
        return key, secret

    async def revoke(self, key_id: KeyId) -> None:
        """Remove a key, which stops at once.

        Raises:
            NotFound: there is none.
        """
        await self.store.remove(key_id)
