"""The budget of one identification: what is counted, and the errors when it is exhausted."""

from __future__ import annotations

import pytest

from imagesvc.errors import ImageTooLarge
from imagesvc.imaging.containers.budget import MAX_INFLATED_BYTES, MOST, SPARE_BYTES, Budget


@pytest.mark.parametrize("what", sorted(set(MOST) - {"levels of boxes"}))
def test_elements_are_counted_by_kind(what: str) -> None:
    """The limit itself is allowed, and not one more; the error names the kind."""
    budget = Budget(0)
    budget.count(what, MOST[what] - 1)
    budget.count(what)

    with pytest.raises(ImageTooLarge, match=f"too complex: more than {MOST[what]:,} {what}"):
        budget.count(what)


def test_depth_has_a_limit() -> None:
    """It is not a sum: the same depth may occur again."""
    budget = Budget(0)
    for _ in range(3):
        budget.check_depth("levels of boxes", MOST["levels of boxes"])

    with pytest.raises(ImageTooLarge, match="levels of boxes"):
        budget.check_depth("levels of boxes", MOST["levels of boxes"] + 1)


def test_the_bytes_of_a_file_are_read_twice_at_most() -> None:
    """Small files have a larger allowance."""
    budget = Budget(1_000_000)
    budget.read(2_000_000 + SPARE_BYTES)

    with pytest.raises(ImageTooLarge, match="share the same bytes"):
        budget.read(1)


def test_time_is_looked_at_while_elements_are_counted() -> None:
    """Processor time is used, so that a busy machine does not refuse valid files."""
    budget = Budget(0, seconds=0)

    with pytest.raises(ImageTooLarge, match="reading it takes more than 0 seconds"):
        budget.count("sub-blocks", 5000)


def test_the_allowance_of_inflated_bytes_is_never_negative() -> None:
    """The rest limits the next inflation."""
    budget = Budget(0)
    budget.inflate(1000)
    assert budget.inflatable == MAX_INFLATED_BYTES - 1000

    budget.inflate(1 << 40)
    assert budget.inflatable == 0
