"""Accounts: who sends a request; the key of the first admin, and rate limits."""

from __future__ import annotations

from imagesvc.auth.accounts import Accounts
from imagesvc.auth.key_file import GivenKey, read_given_key
from imagesvc.auth.rates.buckets import Buckets, parse_rate
from imagesvc.auth.rates.limits import RateLimits
from imagesvc.auth.rates.login_limits import LoginLimits, LoginTries
from imagesvc.auth.rates.shared_login_limits import SharedLoginLimits
from imagesvc.auth.visitors.visitors import Visitors
from imagesvc.auth.visitors.visits import Visits
from imagesvc.outbound.requests import Outbound
from imagesvc.service.files import Files
from imagesvc.service.outbound import operator_rules
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.db.database import Database
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.secret import derive_key
from imagesvc.store.sessions.tries import LogInTries


def accounts_of(
    settings: Settings, files: Files, stores: Stores, secret: bytes, given_key: GivenKey | None
) -> Accounts:
    """Users and credentials; keys of an identity provider are fetched from it."""
    fetch = Outbound(operator_rules("provider")).get
    return Accounts(settings, stores.database, secret, files.data_dir.first_key, fetch, given_key)


def read_admin_key(settings: Settings) -> GivenKey | None:
    """The key for the first admin, from the file of the settings; None without a file.

    Raises:
        KeyFileUnusable: there is no data directory yet, and the file does not hold a key.
    """
    if settings.admin_key_file is None or not settings.has_accounts:
        return None
    given = read_given_key(settings.admin_key_file)
    if not DataDir(settings.data_dir.absolute()).has_database():
        given.required()
    return given


def rate_limits_of(settings: Settings, database: Database) -> RateLimits:
    """The rates of the settings, or None."""
    are_on = settings.rate_limits == "on" or (
        settings.rate_limits == "auto" and settings.has_accounts
    )
    if not are_on:
        return RateLimits()
    users, addresses, renders = (
        None if rate is None else Buckets(rate)
        for rate in map(
            parse_rate,
            (settings.rate_limit, settings.rate_limit_anonymous, settings.rate_limit_render),
        )
    )
    return RateLimits(users, addresses, _login_limits_of(settings, database), renders)


def _login_limits_of(settings: Settings, database: Database) -> LoginTries | None:
    rate = parse_rate(settings.rate_limit_login)
    if rate is None:
        return None
    if settings.database_url is None:
        return LoginLimits(rate)
    return SharedLoginLimits(rate, LogInTries(database))


def visitors_of(secret: bytes, stores: Stores, accounts: Accounts, limits: RateLimits) -> Visitors:
    """What admits visitors of shares."""
    visits = Visits(derive_key(secret, "visits"))
    return Visitors(stores.shares, accounts.passwords, visits, limits)
