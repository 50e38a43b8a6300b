"""What the load test demands, and the requests that it makes, by name."""

from __future__ import annotations

HOT, COLD, THUMBNAIL, PREVIEW = "variant, hot", "variant, cold", "thumbnail", "preview"
PAGE, TIMELINE, SEARCH, FACETS = "page", "timeline", "search", "facets"
UPLOAD, JOB, SHOW, EDIT = "upload", "job", "image", "edit"

P95_MS = {
    HOT: 50.0,
    THUMBNAIL: 50.0,
    PREVIEW: 100.0,
    COLD: 1000.0,
    PAGE: 100.0,
    TIMELINE: 100.0,
    SEARCH: 150.0,
    FACETS: 150.0,
    UPLOAD: 500.0,
    JOB: 100.0,
    SHOW: 100.0,
    EDIT: 150.0,
}
"""95 of 100 requests of each name are answered within these milliseconds."""
MAX_ERROR_RATIO = 0.001
"""Requests that fail, of all."""


def violations(p95_ms: dict[str, float], error_ratio: float, slack: float) -> list[str]:
    """What was not held, a sentence each.

    Args:
        p95_ms: measured, by name.
        error_ratio: measured.
        slack: the factor by which times may be longer, for a slow or busy machine.
    """
    found = [
        f"{name}: 95 % within {took:.0f} ms; the limit is {P95_MS[name] * slack:.0f} ms"
        for name, took in p95_ms.items()
        if took > P95_MS[name] * slack
    ]
    if error_ratio > MAX_ERROR_RATIO:
        found.append(f"{error_ratio:.2%} of requests fail; the limit is {MAX_ERROR_RATIO:.2%}")
    found += [f"{name}: never requested" for name in P95_MS if name not in p95_ms]
    return found
