"""The set-up: a link that is printed lets the first admin choose a name and a password, once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.sessions.sessions import TOKEN_BYTES, Opened, Sessions, token_sha256
from imagesvc.logs import standard_error
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId, new_id, utc_now
from imagesvc.store.sessions.setup_links import Chosen, SetupLinkStore

log = structlog.get_logger()

LIFETIME = timedelta(minutes=30)
ANNOUNCEMENT = """\
imagesvc: to use it in a browser, open this link within 30 minutes and choose a password:

    {link}

"imagesvc setup-link" prints another link.

"""


@dataclass(frozen=True, slots=True)
class Setup:
    """Makes and uses the set-up link."""

    store: SetupLinkStore
    passwords: Passwords
    sessions: Sessions
    clock: Callable[[], datetime] = utc_now

    async def renew(self) -> str:
        """The token of a new link, which replaces the last.

        Raises:
            SetupClosed: an admin has a password.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await self.store.replace(token_sha256(token), self.clock() + LIFETIME)
        return token

    async def is_open(self) -> bool:
        """Whether no admin has a password, so that a link can be used."""
        return await self.store.is_open()

    async def complete(
        self, token: str, name: str, password: str, request: Request
    ) -> tuple[User, Opened]:
        """Give the first admin a name and a password, and log the browser in.

        Raises:
            SetupClosed: the link was used, was replaced or has expired, or an admin has a password.
            Conflict: another user has the name.
        """
        sha256 = token_sha256(token)
        await self.store.check(sha256, self.clock())  # before a hash, which takes time and memory
        chosen = Chosen(name, await self.passwords.hash(password))
        opened = self.sessions.drafted(UserId(new_id()), request)
        admin, session = await self.store.use(sha256, chosen, opened.session, self.clock())
        log.info("the first admin has a password", action="setup.done", user=admin.name)
        return admin, replace(opened, session=session)


def link_at(url: str, token: str) -> str:
    """The link to the page of the set-up. Browsers do not send the fragment with the token."""
    return f"{url}/setup#{token}"


def announce(link: str) -> None:
    """Print the link, never to the log."""
    standard_error.write(ANNOUNCEMENT.format(link=link).encode())
