"""The limit on bodies that clients have not read."""

from __future__ import annotations

from imagesvc.server.unsent import Unsent


class Reader:
    """A connection whose client last read at this time."""

    def __init__(self, unread_since: float) -> None:
        self.unread_since = unread_since
        self.is_cut_off = False

    def cut_off(self) -> None:
        """Record the end."""
        self.is_cut_off = True


def test_a_body_of_several_connections_counts_once() -> None:
    """It is in memory once."""
    unsent, body, readers = Unsent(100), bytes(80), [Reader(0) for _ in range(9)]

    for reader in readers:
        unsent.hold(reader, body)
    assert unsent.total == 80
    for reader in readers[1:]:
        unsent.release(reader)
    assert unsent.total == 80
    unsent.release(readers[0])

    assert unsent.total == 0
    assert not any(reader.is_cut_off for reader in readers)


def test_the_slowest_are_cut_off_until_the_rest_fits() -> None:
    """The newest body is kept, even if its client has read nothing for longest."""
    unsent = Unsent(100)
    readers = [Reader(3), Reader(1), Reader(2), Reader(0)]
    for reader in readers[:3]:
        unsent.hold(reader, bytes(33))

    unsent.hold(readers[3], bytes(60))

    assert [reader.is_cut_off for reader in readers] == [False, True, True, False]
    assert unsent.total == 93


def test_one_body_may_be_larger_than_the_bound() -> None:
    """It is sent alone; refusing it would gain nothing."""
    unsent, reader = Unsent(100), Reader(0)

    unsent.hold(reader, bytes(300))

    assert not reader.is_cut_off
    unsent.release(reader)
    unsent.release(reader)
    assert unsent.total == 0
