"""Names that never resolve block a limited number of threads, and other look-ups fail fast."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from imagesvc.errors import Overloaded, SourceUnavailable
from imagesvc.model.ids import UserId, new_id
from imagesvc.outbound.addresses import Address
from imagesvc.outbound.lookups import MAX_AT_ONCE, MAX_OF_ONE, Lookups
from tests.commands import SHARED
from tests.namespaces import can_have_namespaces
from tests.outbound.test_source import HERE
from tests.waiting import until_async

INNER = Path(__file__).with_name("silent_name_server.py")
ANN, BOB = UserId(new_id()), UserId(new_id())


class Hanging:
    """A resolver that hangs for names that begin with `hang`, until it is released."""

    def __init__(self) -> None:
        self.calls = 0
        self.end = threading.Event()

    def __call__(self, host: str, _port: int) -> Sequence[Address]:
        """The addresses of a host."""
        self.calls += 1
        if host.startswith("hang"):
            self.end.wait()
        return [HERE]


def outcomes(found: Sequence[object]) -> list[str]:
    """The kinds of the results, sorted."""
    return sorted(type(item).__name__ for item in found)


async def ask(lookups: Lookups, count: int, owner_id: UserId | None) -> list[object]:
    """Look up many names that hang, at once."""
    asking = (lookups.addresses(f"hang{n}.example", 80, owner_id) for n in range(count))
    return list(await asyncio.gather(*asking, return_exceptions=True))


def test_a_user_occupies_few_threads_and_further_lookups_fail_fast() -> None:
    """Another user's look-up, and users of the default executor, continue meanwhile."""

    async def work() -> None:
        resolver = Hanging()
        lookups = Lookups(resolver, seconds=2.0)

        async def ended() -> bool:
            return lookups.running == 0

        asking = asyncio.create_task(ask(lookups, 100, ANN))
        await asyncio.sleep(0)
        assert await lookups.addresses("good.example", 80, BOB) == [HERE]
        assert await asyncio.to_thread(lambda: "a file is read") == "a file is read"
        found = await asking

        assert outcomes(found) == sorted(
            [SourceUnavailable.__name__] * MAX_OF_ONE + [Overloaded.__name__] * (100 - MAX_OF_ONE)
        )
        assert (lookups.running, lookups.stuck) == (MAX_OF_ONE, MAX_OF_ONE)
        calls = resolver.calls
        with pytest.raises(Overloaded):
            await lookups.addresses("good.example", 80, ANN)
        assert resolver.calls == calls

        resolver.end.set()
        await until_async(ended)
        assert lookups.stuck == 0
        assert await lookups.addresses("good.example", 80, ANN) == [HERE]

    asyncio.run(work())


def test_all_users_together_occupy_a_bounded_number_of_threads() -> None:
    """Many accounts of one attacker start no more threads than the limit."""

    async def work() -> None:
        resolver = Hanging()
        lookups = Lookups(resolver, seconds=2.0)
        users = [UserId(new_id()) for _ in range(10)]

        await asyncio.gather(*(ask(lookups, 10, user) for user in users))

        assert resolver.calls == lookups.stuck == MAX_AT_ONCE
        with pytest.raises(Overloaded):
            await lookups.addresses("good.example", 80, BOB)
        resolver.end.set()

    asyncio.run(work())


def test_a_burst_of_good_names_waits_for_its_turn() -> None:
    """The limit of a user does not apply to look-ups that end."""

    async def work() -> None:
        lookups = Lookups(Hanging())
        asking = (lookups.addresses(f"good{n}.example", 80, ANN) for n in range(200))

        assert await asyncio.gather(*asking) == [[HERE]] * 200
        assert lookups.running == 0

    asyncio.run(work())


@pytest.mark.skipif(not can_have_namespaces(), reason="no namespaces for users here")
@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_silent_name_server_stops_no_other_user(tmp_path: Path) -> None:
    """A real server and the system's resolver, in namespaces with a name server of the test's."""
    # The shared fork server is in another namespace.
    own = {name: value for name, value in os.environ.items() if name != SHARED}
    ended = subprocess.run(
        ["unshare", "-rmn", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-p", "no:xdist", "--basetemp", str(tmp_path / "inner"), str(INNER)],
        capture_output=True, text=True, check=False, cwd=INNER.parents[2], env=own,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr
