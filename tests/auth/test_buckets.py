"""Token buckets, with a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from imagesvc.auth.rates.buckets import Buckets, Rate, parse_rate
from imagesvc.auth.rates.limits import address_of


class Clock:
    """A clock that advances only when the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The current time, which does not advance by itself."""
        return self.now


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20/s", Rate(20, 20)),
        ("30/m burst 5", Rate(0.5, 5)),
        ("3600/h burst 100", Rate(1, 100)),
        ("off", None),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    """A rate is parsed from the text of the setting."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0/s", "20", "20/d", "20/s burst 0", "20/s burst", "-1/s"])
def test_an_invalid_rate_is_refused(text: str) -> None:
    """A limit of zero would refuse every request."""
    with pytest.raises(ValueError, match="a rate is off, or like"):
        parse_rate(text)


def test_a_burst_is_let_through_and_no_more() -> None:
    """The bucket is full at first."""
    buckets = Buckets(Rate(2, 5), clock=Clock())

    standings = [buckets.take("a") for _ in range(6)]

    assert [state.remaining for state in standings] == [4, 3, 2, 1, 0, 0]
    assert [state.retry_seconds for state in standings] == [None] * 5 + [1]
    assert standings[4].reset_seconds == 3


def test_tokens_are_added_with_time() -> None:
    """They are added one by one, not all at the end of a window, and never beyond the capacity."""
    clock = Clock()
    buckets = Buckets(Rate(0.1, 3), clock=clock)
    for _ in range(3):
        buckets.take("a")

    assert buckets.take("a").retry_seconds == 10
    clock.now += 9.9
    assert buckets.take("a").retry_seconds == 1
    clock.now += 0.2
    assert buckets.take("a").retry_seconds is None
    assert buckets.take("a").retry_seconds == 10
    clock.now += 1000
    assert [buckets.take("a").retry_seconds for _ in range(4)] == [None, None, None, 10]


def test_the_announced_wait_is_long_enough() -> None:
    """A client that waits for the announced time is accepted."""
    clock = Clock()
    buckets = Buckets(Rate(3, 7), clock=clock)
    for _ in range(500):
        state = buckets.take("a")
        if state.retry_seconds is not None:
            clock.now += state.retry_seconds
            assert buckets.take("a").retry_seconds is None
        clock.now += 0.01


def test_keys_have_buckets_of_their_own() -> None:
    """A client with too many requests takes no tokens from others."""
    buckets = Buckets(Rate(1, 1), clock=Clock())
    buckets.take("a")

    assert buckets.take("a").retry_seconds == 1
    assert buckets.take("b").retry_seconds is None


def test_the_number_of_keys_is_bounded() -> None:
    """Memory is limited for any number of addresses; frequent requesters are remembered."""
    buckets = Buckets(Rate(0.001, 2), clock=Clock(), max_keys=100)
    buckets.take("busy")
    for number in range(5000):
        buckets.take(f"key {number}")
        if number % 50 == 0 and number < 60:
            buckets.take("busy")

    assert len(buckets) == 100
    assert buckets.take("key 4999").remaining == 0


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix", "unix"),
        (None, ""),
    ],
)
def test_an_address_is_that_of_one_customer(client: str | None, expected: str) -> None:
    """Every IPv6 customer has a /64 of addresses."""
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if client is None else (client, 1),
        "headers": [],
    }

    assert address_of(Request(scope)) == expected
