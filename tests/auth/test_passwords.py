"""Passwords: what a login costs, and that it costs the same for every name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from imagesvc.auth.logins import Logins
from imagesvc.auth.passwords import MAX_WAITING, Passwords, dummy_hash
from imagesvc.auth.tokens import AccessTokens
from imagesvc.auth.users import made_user
from imagesvc.errors import ImagesvcError, Overloaded, Unauthorized
from imagesvc.model.ids import utc_now
from imagesvc.store.accounts import UserChange, UserStore
from imagesvc.store.credentials import LoginStore
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate


class Watched(PasswordHasher):
    """A hasher that records which hashes it verified."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002  # its name
        """Verify, and record it."""
        self.verified.append(str(hash))
        return super().verify(hash, password)


class Seams(Passwords):
    """Passwords checked by a recording hasher."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched()

    def _prepared(self) -> PasswordHasher:
        self._nobodys = self._nobodys or dummy_hash(self.watched)
        return self.watched


def on_logins(path: Path, work: Callable[[Logins, Seams], Coroutine[Any, Any, None]]) -> None:
    """Run `work` with the logins of a database that has three users."""
    migrate(path)

    async def opened() -> None:
        database = EmbeddedDatabase(path)
        passwords = Seams()
        users = UserStore(database)
        tokens = AccessTokens(b"k" * 32, timedelta(minutes=1))
        logins = Logins(
            users, LoginStore(database), passwords, tokens, b"r" * 32, timedelta(days=1)
        )
        password_hash = await passwords.hash("correct horse")
        for name, known in (("ada", password_hash), ("keys-alone", None), ("gone", password_hash)):
            await users.add(made_user(name, known, is_admin=name == "ada", now=utc_now()))
        gone = await users.named("gone")
        assert gone is not None
        await users.change(gone.id, UserChange(is_disabled=True))
        try:
            await work(logins, passwords)
        finally:
            passwords.close()
            await database.close()

    asyncio.run(opened())


@pytest.mark.parametrize("name", ["ada", "nobody-has-this-name", "keys-alone", "gone"])
def test_a_failed_login_verifies_one_hash_for_every_name(tmp_path: Path, name: str) -> None:
    """Otherwise the response time reveals which names exist."""

    async def work(logins: Logins, passwords: Seams) -> None:
        with pytest.raises(Unauthorized) as caught:
            await logins.log_in(name, "wrong horse", None)

        assert caught.value.detail == "The name or the password is wrong."
        assert len(passwords.watched.verified) == 1
        assert passwords.watched.verified[0].startswith("$argon2id$v=19$m=64,t=1,p=1$")

    on_logins(tmp_path / "imagesvc.db", work)


def test_the_dummy_hash_is_verified_like_any_other() -> None:
    """With the same parameters, and to the end: no password matches it."""
    hasher = Watched()
    dummy = dummy_hash(hasher)

    assert extract_parameters(dummy) == extract_parameters(hasher.hash("correct horse"))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(dummy, "correct horse")
    assert dummy != dummy_hash(hasher)


def test_hashes_are_argon2id_with_the_parameters_of_the_rfc() -> None:
    """RFC 9106, section 4: 64 MiB, three passes, four lanes; each hash has its own salt."""

    async def work() -> None:
        passwords = Passwords()
        first, second = [await passwords.hash("correct horse") for _ in range(2)]

        assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert first != second
        assert await passwords.is_right(first, "correct horse")
        assert not await passwords.is_right(first, "Correct horse")
        assert not await passwords.is_right("no hash at all", "correct horse")
        passwords.close()

    asyncio.run(work())


def test_a_flood_of_passwords_is_bounded_and_does_not_block_the_loop() -> None:
    """Each takes 64 MiB: few run at once, a limited number waits, and the rest is refused."""

    async def work() -> None:
        passwords = Passwords()
        tasks = [asyncio.create_task(passwords.is_right(None, "x")) for _ in range(MAX_WAITING + 9)]
        turns = 0
        while not tasks[0].done():
            await asyncio.sleep(0)
            turns += 1

        refused = [task for task in tasks if task.done() and task.exception() is not None]
        assert len(refused) == 9
        assert all(isinstance(task.exception(), Overloaded) for task in refused)
        assert turns > 10
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        passwords._threads.shutdown(cancel_futures=True)

    asyncio.run(work())


def test_a_login_of_a_removed_user_is_refused_by_name(tmp_path: Path) -> None:
    """The last admin stays, regardless of the requester."""

    async def work(logins: Logins, passwords: Seams) -> None:
        ada = await logins.users.named("ada")
        assert ada is not None
        with pytest.raises(ImagesvcError, match="last admin"):
            await logins.users.remove(ada.id)
        with pytest.raises(ImagesvcError, match="last admin"):
            await logins.users.change(ada.id, UserChange(is_admin=False))

    on_logins(tmp_path / "imagesvc.db", work)
