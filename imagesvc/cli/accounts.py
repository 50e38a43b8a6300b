"""The commands `user` and `key`: accounts of a data directory, without a credential."""

from __future__ import annotations

import getpass
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from imagesvc.auth.principals import Scope
from imagesvc.auth.secrets import KEY_PREFIX, new_key, read_secret
from imagesvc.auth.users import check_key_name, check_name, check_password
from imagesvc.cli.loading import load_settings
from imagesvc.cli.offline import on_database, on_store
from imagesvc.cli.options import DataDirOption
from imagesvc.errors import Conflict, InvalidRequest, InvalidToken, NotFound
from imagesvc.library.keys import ScopeNotAllowed
from imagesvc.library.users import NewOwner, NewOwnerNeeded, UnfitNewOwner
from imagesvc.model.accounts import ApiKey, User
from imagesvc.model.ids import KeyId, UserId, new_id, parse_id, utc_now
from imagesvc.service.parts import Parts
from imagesvc.settings.quantities import option_seconds
from imagesvc.store.accounts import UserChange, UserStore
from imagesvc.store.credentials import KeyStore
from imagesvc.store.db.database import Database

PAGE = 200

user_commands = typer.Typer(
    help="Users: add, list, passwd, disable, enable, remove.", no_args_is_help=True
)
key_commands = typer.Typer(help="API keys: add, list, remove, generate.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="USER", help="The user's name.")]


@user_commands.command("add")
def add_user(
    name: UserName,
    admin: Annotated[bool, typer.Option(help="May do everything.")] = False,
    password: Annotated[bool, typer.Option(help="Ask for a password, or read it.")] = True,
    data_dir: DataDirOption = None,
) -> None:
    """Make a user; the password is prompted for, or read from standard input."""
    settings = load_settings(data_dir=data_dir)
    _checked("name", partial(check_name, name))
    chosen = _new_password() if password else None
    on_store(settings, partial(_add_user, name=name, password=chosen, is_admin=admin))


@user_commands.command("list")
def list_users(data_dir: DataDirOption = None) -> None:
    """Show every user, the newest first."""
    table = Table("name", "id", "", "images", "bytes", "made", box=None)
    for user in on_database(load_settings(data_dir=data_dir), _users):
        marks = ["admin"] * user.is_admin + ["disabled"] * user.is_disabled
        table.add_row(
            user.name, str(user.id), ", ".join(marks), f"{user.image_count:,}",
            f"{user.image_bytes:,}", f"{user.created_at:%Y-%m-%d}",
        )  # fmt: skip
    _show(table)


@user_commands.command("passwd")
def change_password(name: UserName, data_dir: DataDirOption = None) -> None:
    """Change a password, prompted for or read from standard input; every login of the user ends."""
    settings = load_settings(data_dir=data_dir)
    on_store(
        settings,
        partial(_change_password, name=name, password=_new_password()),
        may_use_reserve=True,
    )


@user_commands.command("disable")
def disable_user(name: UserName, data_dir: DataDirOption = None) -> None:
    """Refuse a user's keys, logins and upload URLs from now on; nothing is removed."""
    on_store(
        load_settings(data_dir=data_dir),
        partial(_disable_user, name=name, is_disabled=True),
        may_use_reserve=True,
    )


@user_commands.command("enable")
def enable_user(name: UserName, data_dir: DataDirOption = None) -> None:
    """Accept a disabled user's keys again."""
    on_store(load_settings(data_dir=data_dir), partial(_disable_user, name=name, is_disabled=False))


@user_commands.command("remove")
def remove_user(
    name: UserName,
    images_to: Annotated[
        str | None, typer.Option(help="The new owner of the images: a user's name, or nobody.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Remove a user with keys and logins; a user with images needs --images-to.

    A running server may use the former owner of images in its memory until it restarts; the API
    updates it.
    """
    settings = load_settings(data_dir=data_dir)
    on_store(settings, partial(_remove_user, name=name, new_owner=images_to), may_use_reserve=True)


@key_commands.command("add")
def add_key(
    user: UserName,
    name: Annotated[str, typer.Option(help="The name of the key.")] = "made by imagesvc key add",
    scope: Annotated[list[Scope] | None, typer.Option(help="Default: all of the user's.")] = None,
    expires_in: Annotated[str | None, typer.Option(help="Time it is valid, such as 90d.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make an API key and print it, only once."""
    settings = load_settings(data_dir=data_dir)
    _checked("name", partial(check_key_name, name))
    lifetime = (
        None
        if expires_in is None
        else timedelta(seconds=option_seconds("--expires-in", expires_in))
    )
    work = partial(
        _add_key, user_name=user, name=name, scopes=frozenset(scope or ()), lifetime=lifetime
    )
    typer.echo(on_store(settings, work))


@key_commands.command("generate")
def generate_key() -> None:
    """Print a new API key without storing it, for the file of the setting admin_key_file."""
    typer.echo(new_key(new_id()))


@key_commands.command("list")
def list_keys(
    user: Annotated[
        str | None, typer.Argument(metavar="USER", help="The user's name. Default: every user.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show API keys with the id for `key remove`, without their secrets.

    The last use of a key is written once a minute, so a very recent use may be missing.
    """
    table = Table("id", "user", "name", "scopes", "made", "expires", "last used", box=None)
    settings = load_settings(data_dir=data_dir)
    found = on_database(settings, partial(_keys, user_name=user, place=settings.data_dir))
    for owner, key in found:
        table.add_row(
            str(key.id), owner.name, key.name, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d}",
            f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "never",
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
        )  # fmt: skip
    _show(table)


@key_commands.command("remove")
def remove_key(
    key: Annotated[str, typer.Argument(help="Its id, which `key list` shows, or the key itself.")],
    data_dir: DataDirOption = None,
) -> None:
    """Remove an API key, which stops working immediately."""
    settings = load_settings(data_dir=data_dir)
    try:
        is_whole = key.startswith(f"{KEY_PREFIX}_")
        key_id = KeyId(read_secret(key, KEY_PREFIX).id if is_whole else parse_id(key))
    except InvalidToken as error:
        raise NotFound("There is no API key of this form.") from error
    on_store(settings, partial(_remove_key, key_id=key_id), may_use_reserve=True)


async def _add_user(service: Parts, *, name: str, password: str | None, is_admin: bool) -> None:
    await service.users.add(name, password, is_admin=is_admin)


async def _users(database: Database) -> list[User]:
    store = UserStore(database)
    users, after = await store.page(limit=PAGE, after=None)
    while after is not None:
        more, after = await store.page(limit=PAGE, after=after)
        users += more
    return users


async def _change_password(service: Parts, *, name: str, password: str) -> None:
    user = await _named(service, name)
    await service.users.change(user.id, UserChange(), password=password)


async def _disable_user(service: Parts, *, name: str, is_disabled: bool) -> None:
    user = await _named(service, name)
    await service.users.change(user.id, UserChange(is_disabled=is_disabled))


async def _remove_user(service: Parts, *, name: str, new_owner: str | None) -> None:
    user = await _named(service, name)
    try:
        await service.users.remove(user, await _new_owner(service, new_owner))
    except NewOwnerNeeded as error:
        raise Conflict(
            f"{name} has images or collections; name their new owner with --images-to."
        ) from error
    except UnfitNewOwner as error:
        raise InvalidRequest(f"--images-to {error.detail}.") from error


async def _new_owner(service: Parts, name: str | None) -> UserId | NewOwner | None:
    if name is None:
        return None
    if name == NewOwner.NOBODY.value:
        return NewOwner.NOBODY
    return (await _named(service, name)).id


async def _add_key(
    service: Parts,
    *,
    user_name: str,
    name: str,
    scopes: frozenset[Scope],
    lifetime: timedelta | None,
) -> str:
    user = await _named(service, user_name)
    expires_at = None if lifetime is None else utc_now() + lifetime
    try:
        _, secret = await service.keys.add(user, name, scopes or None, expires_at=expires_at)
    except ScopeNotAllowed as error:
        raise InvalidRequest(
            f"Only an admin can have an admin key; {user_name} is not an admin."
        ) from error
    return str(secret)


async def _keys(
    database: Database, *, user_name: str | None, place: Path
) -> list[tuple[User, ApiKey]]:
    """The keys of one user, or of all, each with its user."""
    if user_name is None:
        users = await _users(database)
    else:
        users = [await _found(UserStore(database), user_name, place)]
    store = KeyStore(database)
    return [(user, key) for user in users for key in await _keys_of(store, user)]


async def _keys_of(store: KeyStore, user: User) -> list[ApiKey]:
    keys, after = await store.page(user.id, limit=PAGE, after=None)
    while after is not None:
        more, after = await store.page(user.id, limit=PAGE, after=after)
        keys += more
    return keys


async def _remove_key(service: Parts, *, key_id: KeyId) -> None:
    await service.keys.revoke(key_id)


async def _named(service: Parts, name: str) -> User:
    return await _found(service.accounts.users, name, service.files.data_dir.root)


async def _found(users: UserStore, name: str, place: Path) -> User:
    user = await users.named(name)
    if user is None:
        raise NotFound(f"There is no user {name!r} in {place}.")
    return user


def _new_password() -> str:
    """Read a password twice from a terminal, or a line of standard input; never from arguments."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise InvalidRequest("The two passwords differ.")
    _checked("the password", partial(check_password, password))
    return password


def _checked(what: str, check: partial[str]) -> None:
    try:
        check()
    except ValueError as error:
        raise InvalidRequest(f"{what} {error}.") from error


def _show(table: Table) -> None:
    """A console of unlimited width, so that scripts find whole lines."""
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else 1000).print(table)
