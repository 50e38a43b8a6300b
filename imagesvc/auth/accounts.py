"""The accounts of one service: who may ask, made from the settings, opened and closed."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from imagesvc.auth.authenticator import Authenticator, Credentials
from imagesvc.auth.jwks import Fetch, KeySet
from imagesvc.auth.logins import Sessions
from imagesvc.auth.passwords import Passwords
from imagesvc.auth.provider import Provider
from imagesvc.auth.tokens import AccessTokens
from imagesvc.auth.users import FIRST_ADMIN, make_first_admin
from imagesvc.errors import Unavailable
from imagesvc.model import utc_now
from imagesvc.settings import Settings
from imagesvc.store.accounts import UserStore
from imagesvc.store.credentials import KeyStore, LoginStore
from imagesvc.store.database import Database
from imagesvc.store.secret import derive_key, load_or_make_secret


class Accounts:
    """Users, keys, logins, and what tells from a request whose it is."""

    def __init__(
        self, settings: Settings, database: Database, secret_path: Path, fetch: Fetch
    ) -> None:
        self.users = UserStore(database)
        self.keys = KeyStore(database)
        self.passwords = Passwords()
        secret = load_or_make_secret(secret_path)
        tokens = AccessTokens(
            derive_key(secret, "access-tokens"), timedelta(seconds=settings.access_token_lifetime)
        )
        logins = LoginStore(database)
        self.sessions = Sessions(
            users=self.users,
            logins=logins,
            passwords=self.passwords,
            tokens=tokens,
            refresh_key=derive_key(secret, "refresh-tokens"),
            refresh_lifetime=timedelta(seconds=settings.refresh_token_lifetime),
        )
        provider = read_provider(settings, self.users, fetch)
        self.credentials = Credentials(self.keys, logins, tokens, provider)
        self._are_needed = settings.has_accounts
        self.authenticator = Authenticator(
            self.credentials if self._are_needed else None, frozenset(settings.allowed_hosts)
        )

    async def open(self) -> None:
        """Make the first admin when there is no user, and show its key this once."""
        if not self._are_needed:
            return
        secret = await make_first_admin(self.users, utc_now())
        if secret is not None:
            print(  # noqa: T201  # for a person, and never into the log
                f"\nimagesvc: made the user {FIRST_ADMIN!r}. Its API key, which is not shown "
                f"again:\n\n    {secret}\n",
                file=sys.stderr,
                flush=True,
            )

    async def note_uses(self) -> None:
        """Write down when keys were last used; on a full disk they wait for the next time."""
        uses = dict(self.credentials.uses)
        self.credentials.uses.clear()
        if not uses:
            return
        try:
            await self.keys.note_uses(uses)
        except Unavailable:
            self.credentials.uses.update({**uses, **self.credentials.uses})

    async def close(self) -> None:
        """Write what waits, and end the threads."""
        await self.note_uses()
        self.passwords.close()


def read_provider(settings: Settings, users: UserStore, fetch: Fetch) -> Provider | None:
    """The identity provider of the settings; None when they name none."""
    issuer, audience, source = settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks
    if source == "off":
        return None
    return Provider(issuer, audience, KeySet(source, fetch), users)
