"""Users of an identity provider: each is identified by issuer and subject, and by nothing else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from imagesvc.auth.provider.external_names import names_for
from imagesvc.errors import Conflict, InvalidToken
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId, new_id, utc_now
from imagesvc.store.accounts import UserStore

MAX_SUBJECT = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True, slots=True)
class Subjects:
    """Finds and makes the users of one issuer."""

    issuer: str
    users: UserStore
    clock: Callable[[], datetime] = utc_now

    async def user(self, subject: object) -> User:
        """The user of a subject: the existing one, or a new one.

        Raises:
            InvalidToken: the subject cannot be kept.
        """
        if not isinstance(subject, str) or not re.fullmatch(r"[\x20-\x7e]+", subject):
            raise InvalidToken("The access token names no subject that can be kept.")
        if len(subject) > MAX_SUBJECT:
            raise InvalidToken("The access token names no subject that can be kept.")
        namespaced = f"{self.issuer} {subject}"
        for name in names_for(self.issuer, subject):
            user = await self.users.with_subject(namespaced)
            if user is not None:
                return user
            user = User(
                id=UserId(new_id()),
                name=name,
                password_hash=None,
                is_admin=False,
                is_disabled=False,
                created_at=self.clock(),
                subject=namespaced,
            )
            with contextlib.suppress(Conflict):  # the name is in use, or another request was faster
                await self.users.add(user)
                return user
        user = await self.users.with_subject(namespaced)
        if user is None:
            raise Conflict("Every name for this user is in use.")
        return user
