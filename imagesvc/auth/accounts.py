"""The accounts of one service: its authentication parts, made from the settings."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import structlog

from imagesvc.auth.authenticator import Authenticator, Credentials
from imagesvc.auth.first_key import FirstKey
from imagesvc.auth.key_file import GivenKey
from imagesvc.auth.logins import Logins
from imagesvc.auth.passwords import Passwords
from imagesvc.auth.provider.jwks import Fetch, KeySet
from imagesvc.auth.provider.provider import Provider
from imagesvc.auth.provider.subjects import Subjects
from imagesvc.auth.sessions.sessions import Sessions
from imagesvc.auth.sessions.setup import Setup, announce, link_at
from imagesvc.auth.tokens import AccessTokens
from imagesvc.errors import Unavailable
from imagesvc.settings.settings import Settings
from imagesvc.store.accounts import UserStore
from imagesvc.store.credentials import KeyStore, LoginStore
from imagesvc.store.db.database import Database
from imagesvc.store.files.secret import derive_key
from imagesvc.store.sessions.sessions import SessionStore
from imagesvc.store.sessions.setup_links import SetupLinkStore

log = structlog.get_logger()


class Accounts:
    """Users, keys, logins, sessions, and the authentication of requests."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        secret: bytes,
        first_key: Path,
        fetch: Fetch,
        given_key: GivenKey | None = None,
    ) -> None:
        self.users = UserStore(database)
        self.keys = KeyStore(database)
        self.passwords = Passwords()
        tokens = AccessTokens(
            derive_key(secret, "access-tokens"), timedelta(seconds=settings.access_token_lifetime)
        )
        logins = LoginStore(database)
        self.logins = Logins(
            users=self.users,
            logins=logins,
            passwords=self.passwords,
            tokens=tokens,
            refresh_key=derive_key(secret, "refresh-tokens"),
            refresh_lifetime=timedelta(seconds=settings.refresh_token_lifetime),
        )
        self.sessions = Sessions(
            SessionStore(database),
            timedelta(seconds=settings.session_lifetime),
            timedelta(seconds=settings.session_idle_timeout),
        )
        self.setup = Setup(SetupLinkStore(database), self.passwords, self.sessions)
        self._setup_token: str | None = None
        self._has_pages = settings.gallery
        provider = read_provider(settings, self.users, fetch)
        self.first_key = FirstKey(first_key, self.users, self.keys, given_key)
        self.credentials = Credentials(
            self.keys, logins, tokens, provider, self.first_key, self.sessions
        )
        self._are_needed = settings.has_accounts
        self.authenticator = Authenticator(
            self.credentials if self._are_needed else None, frozenset(settings.cors_origins) - {"*"}
        )

    async def open(self) -> None:
        """Make the first admin if there is no user; without accounts, log a warning."""
        if self._are_needed:
            await self.first_key.open()
            if self.first_key.is_new and self._has_pages:
                self._setup_token = await self.setup.renew()
        else:
            log.warning(
                "without accounts, every program and user of this machine may upload and delete",
                action="auth.off",
            )

    def announce(self, url: str, url_for_browsers: str) -> None:
        """Print the first admin's key and the set-up link at the first start."""
        if self._are_needed:
            self.first_key.announce(url)
        if self._setup_token is not None:
            announce(link_at(url_for_browsers, self._setup_token))
            self._setup_token = None

    async def keep_up(self) -> None:
        """Regular tasks: store uses of credentials, remove the first key's file after its use."""
        await self.note_uses()
        if self._are_needed:
            with contextlib.suppress(Unavailable):  # it is tried again
                await self.first_key.settle()

    async def note_uses(self) -> None:
        """Store when keys and sessions were last used; on a full disk, at the next time."""
        with contextlib.suppress(Unavailable):
            await self.sessions.store_seen()
        uses = dict(self.credentials.uses)
        self.credentials.uses.clear()
        if not uses:
            return
        try:
            await self.keys.note_uses(uses)
        except Unavailable:
            self.credentials.uses.update({**uses, **self.credentials.uses})

    async def close(self) -> None:
        """Write pending times, and end the threads."""
        await self.note_uses()
        self.passwords.close()


def read_provider(settings: Settings, users: UserStore, fetch: Fetch) -> Provider | None:
    """The identity provider of the settings; None when they name none."""
    issuer, audience, source = settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks
    if source == "off":
        return None
    return Provider(audience, KeySet(source, fetch), Subjects(issuer, users))
