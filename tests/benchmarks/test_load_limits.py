"""The limits of the load test: what is slow, fails or is missing is named."""

from __future__ import annotations

from benchmarks.journeys.limits import MAX_ERROR_RATIO, P95_MS, SEARCH, UPLOAD, violations


def test_a_run_within_its_limits_has_no_violations() -> None:
    """Also on the limit itself."""
    assert violations(dict(P95_MS), MAX_ERROR_RATIO, 1) == []


def test_each_violation_is_named() -> None:
    """A slow kind of request, one that was never made, and failures; patience is a factor."""
    measured = {**P95_MS, SEARCH: P95_MS[SEARCH] * 1.5}
    del measured[UPLOAD]

    found = violations(measured, 2 * MAX_ERROR_RATIO, 1)

    assert [line.partition(":")[0] for line in found if ":" in line] == [SEARCH, UPLOAD]
    assert sum("requests fail" in line for line in found) == 1
    assert violations(measured, 0, 2) == [f"{UPLOAD}: never requested"]
