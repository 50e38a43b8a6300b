"""Which variants share a call to a worker."""

from __future__ import annotations

import pytest

from imagesvc.jobs.calls import batches


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], []),
        ([0.1, 0.2, 0.3], [[0.1, 0.2, 0.3]]),
        ([5.0, 0.1, 7.0, 0.2], [[0.1, 0.2], [5.0], [7.0]]),
        ([0.6, 0.5, 0.4], [[0.4, 0.5], [0.6]]),
        ([9.0], [[9.0]]),
    ],
)
def test_quick_variants_share_a_call_and_go_first(
    seconds: list[float], expected: list[list[float]]
) -> None:
    """An operation that takes too long affects no other one."""
    assert batches(seconds, lambda item: item) == expected
