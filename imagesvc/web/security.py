"""Header fields that keep the pages of the gallery to this service."""

from __future__ import annotations

from collections.abc import Mapping

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style runs, so text that becomes HTML by mistake still runs nothing."""
_FIELDS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def fields_of_page(*, has_secret_url: bool = False) -> Mapping[str, str]:
    """The fields of a page that knows its user.

    Args:
        has_secret_url: whether the URL of the page holds a secret, which no request may reveal.
    """
    referrer = "no-referrer" if has_secret_url else "same-origin"
    return {
        **_FIELDS,
        "cache-control": "no-store",
        "referrer-policy": referrer,
        "vary": "accept, accept-language, cookie",
    }
