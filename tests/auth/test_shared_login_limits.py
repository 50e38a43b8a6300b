"""Limits of log-ins that nodes share, compared with those of one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
from sqlalchemy import text

from imagesvc.auth.rates.buckets import Rate
from imagesvc.auth.rates.login_limits import LoginLimits
from imagesvc.auth.rates.shared_login_limits import SharedLoginLimits
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.sessions.tries import LogInTries
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.waiting import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]
SLOW = Rate(1 / 3600, 3)
"""No token is added during a test."""


@pytest.fixture
async def shared(postgres: Postgres) -> AsyncIterator[PostgresDatabase]:
    """An empty database."""
    with postgres.copy_of(EMPTY) as url:
        database = PostgresDatabase(url)
        yield database
        await database.close()


async def test_nodes_together_allow_what_one_process_does(shared: PostgresDatabase) -> None:
    alone = LoginLimits(SLOW)
    nodes = [SharedLoginLimits(SLOW, LogInTries(shared)) for _ in range(2)]
    chance = Random(15)
    refusals = 0
    for _ in range(200):
        name, address = chance.choice("abcd"), chance.choice(["::1", "::2", "::3"])
        node = chance.choice(nodes)
        if chance.random() < 0.1:
            await alone.remember(name, address)
            await node.remember(name, address)
        expected, found = await alone.take(name, address), await node.take(name.upper(), address)
        assert (found.limit, found.remaining) == (expected.limit, expected.remaining)
        assert found.reset_seconds == pytest.approx(expected.reset_seconds, abs=60)
        if expected.retry_seconds is None:
            assert found.retry_seconds is None
        else:
            refusals += 1
            assert found.retry_seconds == pytest.approx(expected.retry_seconds, abs=60)
    assert 100 < refusals < 200


async def test_a_bucket_gets_its_tokens_back(shared: PostgresDatabase) -> None:
    limits = SharedLoginLimits(Rate(1000, 1), LogInTries(shared))

    async def is_allowed() -> bool:
        return (await limits.take("a", "::1")).retry_seconds is None

    for _ in range(20):
        await until_async(is_allowed)


async def test_what_is_over_and_what_is_too_much_is_removed(shared: PostgresDatabase) -> None:
    tries = LogInTries(shared)
    limits = SharedLoginLimits(SLOW, tries)
    for number in range(5):
        await limits.take(f"name {number}", f"::{number}")
        await limits.remember(f"name {number}", f"::{number}")
    over = text("UPDATE log_in_tries SET full_at = clock_timestamp() WHERE key < '\\x80'")
    await shared.write(lambda connection: connection.execute(over))

    await tries.prune(most=4)

    count = text(
        "SELECT count(*) FILTER (WHERE full_at < clock_timestamp()), count(*), "
        "(SELECT count(*) FROM known_log_ins) FROM log_in_tries"
    )
    row = await shared.read(lambda connection: connection.execute(count).one())
    assert tuple(row) == (0, 4, 4)
