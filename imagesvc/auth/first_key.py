"""The first admin and its API key, which a file keeps until the key is used.

The file is written before the rows, and a start that finds the file but no user makes the rows for
the key in it: an interrupted start neither loses the key nor makes a second one.

A key from the operator's file (`admin_key_file`) is neither printed nor copied to a file.
"""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import structlog

from imagesvc.auth.key_file import GivenKey
from imagesvc.auth.secrets import KEY_PREFIX, Secret, new_key, read_secret
from imagesvc.auth.users import FIRST_ADMIN, made_first_admin
from imagesvc.errors import InvalidToken, text_of
from imagesvc.logs import standard_error
from imagesvc.model.ids import KeyId, new_id, utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.credentials import KeyStore
from imagesvc.store.files.files import full_disk_named
from imagesvc.store.files.secret import is_private, remove_durably, write_private

log = structlog.get_logger()

ANNOUNCEMENT = """
imagesvc: created the user {name!r}. To upload with its API key, which is not shown again:

    curl -H "Authorization: Bearer {key}" -F file=@photo.jpg {url}/api/v1/images

{path} keeps the key until it is used. "imagesvc key add {name}" makes another key.

"""

REMINDER = """
imagesvc: the first API key of the user {name!r} has not been used yet. To upload with it:

    curl -H "Authorization: Bearer $(cat {path})" -F file=@photo.jpg {url}/api/v1/images

To use it in a browser, "imagesvc setup-link" prints a link.

"""


class FirstKey:
    """Makes the first admin, and removes the file with its key at the first use."""

    def __init__(
        self, path: Path, users: UserStore, keys: KeyStore, given: GivenKey | None = None
    ) -> None:
        self._path = path
        self._users = users
        self._keys = keys
        self._given = given
        self._kept: Secret | None = None  # the content of the file
        self._is_new = False
        self._is_used = False

    async def open(self) -> None:
        """Make an admin if there is no user; otherwise check whether its key is still unused.

        Raises:
            InsufficientStorage: there is no space for the file or the rows.
            KeyFileUnusable: there is no user, and the operator's file does not hold a key.
        """
        self._kept = await asyncio.to_thread(self._read)
        is_first = not (await self._users.page(limit=1, after=None))[0]
        if self._given is not None:
            await self._use_given(self._given, is_first=is_first)
        elif is_first:
            self._is_new = await self._made_admin()
        await self.settle()
        if self._kept is not None and not self._is_new:
            log.info(
                "the first API key has not been used yet",
                action="first_key.unused",
                path=str(self._path),
            )

    @property
    def is_new(self) -> bool:
        """Whether this start made the admin, with a key that it prints."""
        return self._is_new

    def announce(self, url: str) -> None:
        """Print the key once, never to the log; at later starts print how to read its file."""
        if self._kept is None:
            return
        path = self._path.absolute()
        if self._is_new:
            text = ANNOUNCEMENT.format(name=FIRST_ADMIN, key=self._kept, url=url, path=path)
        else:
            text = REMINDER.format(name=FIRST_ADMIN, url=url, path=shlex.quote(str(path)))
        standard_error.write(text.encode())

    async def note_use(self, key_id: KeyId) -> None:
        """Remove the file when this is its key: the user has it now."""
        if self._kept is not None and key_id == self._kept.id and not self._is_used:
            self._is_used = True
            await self._remove()

    async def settle(self) -> None:
        """Remove the file if its key was used or revoked; called regularly."""
        if self._kept is not None and (self._is_used or await self._is_spent(self._kept)):
            await self._remove()

    async def _use_given(self, given: GivenKey, *, is_first: bool) -> None:
        """Make the admin with this key; later, warn when the key is not accepted.

        A later start must not add the key: it may be one that was removed because it leaked.
        """
        if is_first:
            admin = made_first_admin(given.required(), utc_now())
            if await self._users.add_first(*admin):
                log.info(
                    "the first admin has the API key of admin_key_file",
                    action="first_key.given",
                    path=str(given.path),
                )
                return
        if given.secret is None or not await self._is_accepted(given.secret):
            log.warning(
                "admin_key_file holds no API key of this service; only the first start accepts one "
                "from it, and imagesvc key add makes others",
                action="first_key.ignored",
                path=str(given.path),
                reason=given.fault or "The key in it is unknown here, or was removed.",
            )

    async def _is_accepted(self, secret: Secret) -> bool:
        found = await self._keys.with_user(KeyId(secret.id))
        return found is not None and secret.fits(found[0].secret_sha256)

    async def _made_admin(self) -> bool:
        if self._kept is None or not is_private(self._path):
            self._kept = new_key(new_id())
            await asyncio.to_thread(self._write, self._kept)
        return await self._users.add_first(*made_first_admin(self._kept, utc_now()))

    async def _is_spent(self, secret: Secret) -> bool:
        found = await self._keys.with_user(KeyId(secret.id))
        return (
            found is None
            or not secret.fits(found[0].secret_sha256)
            or found[0].last_used_at is not None
        )

    def _read(self) -> Secret | None:
        try:
            return read_secret(self._path.read_text("ascii", "replace").strip(), KEY_PREFIX)
        except (FileNotFoundError, InvalidToken):
            return None

    def _write(self, secret: Secret) -> None:
        with full_disk_named():
            write_private(self._path, f"{secret}\n")

    async def _remove(self) -> None:
        """Remove the file; one that cannot be removed stays for the next `settle`."""
        try:
            await asyncio.to_thread(remove_durably, self._path)
        except OSError as error:
            log.error(
                "the file of the first API key cannot be removed",
                action="first_key.kept",
                path=str(self._path),
                error=text_of(error),
            )
        else:
            self._kept = None
