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
from imagesvc.syntax.header_fields import FieldsByName

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
USUAL = frozenset({
    b"accept", b"accept-encoding", b"accept-language", b"authorization", b"cache-control",
    b"connection", b"cookie", b"host", b"if-modified-since", b"if-none-match", b"origin",
    b"pragma", b"priority", b"range", b"referer", b"sec-fetch-dest", b"sec-fetch-mode",
    b"sec-fetch-site", b"user-agent", b"x-request-id",
})  # fmt: skip
"""Fields of browsers, which no proxy sends; the check of others is slower."""
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
    return lambda scope, fields: inline(scope, fields) if _detail(fields) is None else None


def refusal_of(scope: Scope) -> Forbidden | None:
    """Why a request is refused; None if it is not."""
    detail = _detail(dict(scope["headers"]))
    if detail is None or scope["path"] == OPEN_PATH:
        return None
    return Forbidden(f"{WHAT_TO_SET}, {detail}")


def _detail(fields: FieldsByName) -> str | None:
    """What a client has to change; None if the request is from this machine."""
    if not USUAL.issuperset(fields):
        for name in fields:
            if _is_of_proxy(name) or (b"_" in name and _is_of_proxy(name.replace(b"_", b"-"))):
                return f"and not through a proxy, which sent {name.decode('latin-1')}."
    if not _is_loopback(fields.get(b"host", b"")):
        return "under loopback names such as localhost."
    return None


def _is_of_proxy(name: bytes) -> bool:
    return name in FIELDS or name.startswith(PREFIXES)


@lru_cache(maxsize=256)
def _is_loopback(host: bytes) -> bool:
    return is_loopback_netloc(host.decode("latin-1"))
