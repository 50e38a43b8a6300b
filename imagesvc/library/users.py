"""Users: make, change and remove them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.users import made_user
from imagesvc.cancellation import run_to_end
from imagesvc.errors import Conflict, InvalidRequest, NotFound
from imagesvc.model.accounts import Quota, User
from imagesvc.model.ids import UserId, utc_now
from imagesvc.store.accounts import UserChange, UserStore

NO_OWN_QUOTA = Quota()
"""Of a user for whom the settings hold."""


class NewOwner(Enum):
    """The new owner of what a removed user owned, where it is not a user."""

    NOBODY = "nobody"


class NewOwnerNeeded(Conflict):
    """The user owns images or collections, and no new owner was named."""


class UnfitNewOwner(InvalidRequest):
    """Who was named cannot be the new owner; the message says why, without its subject."""


@dataclass(frozen=True, slots=True)
class Users:
    """Makes, changes and removes users, for the API and for commands."""

    store: UserStore
    passwords: Passwords
    on_transferred: Callable[[], None]
    """Called when images have other owners than before."""
    clock: Callable[[], datetime] = utc_now

    async def add(
        self, name: str, password: str | None, *, is_admin: bool, quota: Quota = NO_OWN_QUOTA
    ) -> User:
        """Make a user; one without a password has only keys.

        Raises:
            Conflict: the name is taken.
        """
        password_hash = None if password is None else await self.passwords.hash(password)
        user = made_user(name, password_hash, is_admin=is_admin, now=self.clock())
        user = replace(user, quota_images=quota.images, quota_bytes=quota.bytes)
        await self.store.add(user)
        return user

    async def change(
        self, user_id: UserId, change: UserChange, *, password: str | None = None
    ) -> User:
        """Change a user, who gets the password if there is one.

        A new password, and disabling, end every login of the user and withdraw the upload URLs.

        Raises:
            NotFound: there is no such user.
            Conflict: the name is taken, or no admin would be left.
        """
        if password is not None:
            change = replace(change, password_hash=await self.passwords.hash(password))
        return await self.store.change(user_id, change)

    async def remove(self, user: User, new_owner: UserId | NewOwner | None) -> None:
        """Remove a user with keys and logins; what the user owns goes to a new owner.

        A cancellation waits for the end: a user is not left disabled, with some images gone.

        Args:
            user: who is removed.
            new_owner: a user, or nobody; None when none was named.

        Raises:
            NewOwnerNeeded: none was named, and the user owns images or collections.
            UnfitNewOwner: there is no such user, or it is the one who is removed.
            Conflict: no admin would be left.
        """
        new_owner_id = None if isinstance(new_owner, NewOwner) else new_owner
        if new_owner_id is not None:
            await self._check_new_owner(new_owner_id, user.id)
        if new_owner is None and await self.store.owns_anything(user.id):
            raise NewOwnerNeeded("This user has images or collections; name their new owner.")
        await run_to_end(self._remove(user, new_owner_id))

    async def _check_new_owner(self, new_owner_id: UserId, user_id: UserId) -> None:
        try:
            await self.store.get(new_owner_id)
        except NotFound as error:
            raise UnfitNewOwner("names no user") from error
        if new_owner_id == user_id:
            raise UnfitNewOwner("names the user to be removed")

    async def _remove(self, user: User, new_owner_id: UserId | None) -> None:
        if not user.is_disabled:  # prevents new images meanwhile
            await self.store.change(user.id, UserChange(is_disabled=True))
        await self.store.transfer(user.id, new_owner_id, now=self.clock())
        self.on_transferred()
        await self.store.remove(user.id)
