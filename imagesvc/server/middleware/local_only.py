"""Without accounts, only programs on this machine are answered.

A request with a forwarding field came through a proxy, whose clients are strangers. A Host that is
not a loopback name shows that a proxy passed on its own Host, or that a name of another site
resolves to this port (DNS rebinding). A proxy that sets neither, such as nginx by default, cannot
be distinguished from a local program: that is why accounts are the default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.auth.csrf import is_loopback_netloc
from imagesvc.delivery.hot import Inline
from imagesvc.errors import Forbidden
from imagesvc.http.problems import problem_response

FIELDS = frozenset({
    b"forwarded", b"via", b"cdn-loop", b"client-ip", b"front-end-https", b"proxy-client-ip",
    b"true-client-ip", b"wl-proxy-client-ip", b"do-connecting-ip", b"remote-user", b"x-amz-cf-id",
    b"x-client-ip", b"x-cloud-trace-context", b"x-cluster-client-ip", b"x-host", b"x-nginx-proxy",
    b"x-proxyuser-ip", b"x-remote-addr", b"x-remote-ip", b"x-remote-user", b"x-request-start",
    b"x-rewrite-url", b"x-scheme", b"x-url-scheme", b"x-varnish",
})  # fmt: skip
PREFIXES = (
    b"akamai-", b"cf-", b"cloudfront-", b"fastly-", b"fly-", b"incap-", b"ngrok-", b"tailscale-",
    b"x-akamai-", b"x-amzn-", b"x-appengine-", b"x-arr-", b"x-auth-request-", b"x-azure-",
    b"x-envoy-", b"x-forwarded", b"x-goog-", b"x-ms-client-", b"x-nf-", b"x-original-",
    b"x-pomerium-", b"x-real-", b"x-sucuri-", b"x-vercel-",
)  # fmt: skip
FIRST_BYTES = frozenset(prefix[:1] for prefix in PREFIXES)
"""Only prefixes are compared, since this check runs for every memory hit."""
OPEN_PATH = "/healthz"
"""The path that a monitor behind a proxy may request."""
WHAT_TO_SET = (
    "Set IMAGESVC_AUTH=required, so that requests need a key or token; with IMAGESVC_AUTH=off the "
    "service answers only programs on its own machine"
)


class LocalOnly:
    """ASGI middleware that refuses requests through a proxy or with another host name."""

    def __init__(self, app: ASGIApp, logged: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app = app
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or refuse the request."""
        refusal = refusal_of(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await self._logged(problem_response(refusal))(scope, receive, send)


def only_local(inline: Inline) -> Inline:
    """The same check for inline responses, which bypass the middleware."""
    return lambda scope: None if refusal_of(scope) is not None else inline(scope)


def refusal_of(scope: Scope) -> Forbidden | None:
    """Why a request is refused; None if it is not."""
    has_host = False
    for name, value in scope["headers"]:
        if name == b"host":
            has_host = _is_loopback(value)
            if not has_host:
                break
        elif _is_of_proxy(name) or (b"_" in name and _is_of_proxy(name.replace(b"_", b"-"))):
            return _refusal(scope, f"and not through a proxy, which sent {name.decode('latin-1')}.")
    return None if has_host else _refusal(scope, "under loopback names such as localhost.")


def _is_of_proxy(name: bytes) -> bool:
    return name in FIELDS or (name[:1] in FIRST_BYTES and name.startswith(PREFIXES))


@lru_cache(maxsize=256)
def _is_loopback(host: bytes) -> bool:
    return is_loopback_netloc(host.decode("latin-1"))


def _refusal(scope: Scope, detail: str) -> Forbidden | None:
    return None if scope["path"] == OPEN_PATH else Forbidden(f"{WHAT_TO_SET}, {detail}")
