"""Permissions of pages of other sites to read responses and send requests (CORS, Fetch).

Every response gets the fields, including errors and hits of the memory cache, so that a page can
show errors. Access-Control-Allow-Credentials is not sent: sessions are for pages of this service,
and other pages set the header fields with keys and tokens themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.delivery.hot import METHODS as READING
from imagesvc.delivery.hot import PREFIXES, Inline
from imagesvc.syntax.header_fields import FieldsByName, joined_field

Fields = list[tuple[bytes, bytes]]

ANY = "*"
MAX_AGE_SECONDS = 7200
"""How long a browser may cache a preflight; Chrome uses no longer time."""
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_FIELDS = (
    b"Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, "
    b"If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Last-Event-ID, Range, "
    b"X-API-Key, X-Request-ID, X-Requested-With"
)
ANSWER_FIELDS = (
    b"Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Range, ETag, "
    b"Idempotent-Replayed, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    b"Retry-After, Server-Timing, WWW-Authenticate, X-Imagesvc-Plan, X-Request-ID"
)
_EXPOSED = (b"access-control-expose-headers", ANSWER_FIELDS)
_VARIES = (b"vary", b"Origin")


@dataclass(frozen=True, slots=True)
class Cors:
    """The permissions of origins.

    Args:
        origins: origins whose pages have the rights of programs.
        any_may_deliver: whether every page may read delivered images.
        any_may_call: whether every page may also call the API, with a key or token.
    """

    origins: frozenset[str]
    any_may_deliver: bool
    any_may_call: bool

    @classmethod
    def of(cls, names: Iterable[str], *, has_accounts: bool) -> Cors:
        """From the setting. Without accounts, only a named origin may do more than read."""
        origins = frozenset(names)
        is_any = ANY in origins
        return cls(origins - {ANY}, is_any, is_any and has_accounts)

    @property
    def is_on(self) -> bool:
        """Whether any origin has permissions."""
        return self.any_may_deliver or bool(self.origins)

    def allowed(self, origin: str | None, *, is_delivery: bool) -> bytes | None:
        """The value of Access-Control-Allow-Origin; None if this origin may read nothing."""
        if self.any_may_call or (self.any_may_deliver and is_delivery):
            return b"*"
        if origin is not None and origin.lower() in self.origins:
            return origin.encode("latin-1")
        return None

    def fields(self, origin: str | None, *, is_delivery: bool) -> Fields:
        """The fields of a response to a request of this origin."""
        allowed = self.allowed(origin, is_delivery=is_delivery)
        # A cache must not send the response for one origin to another.
        varies = [_VARIES] if self.origins and allowed != b"*" else []
        if allowed is None:
            return varies
        return [(b"access-control-allow-origin", allowed), _EXPOSED, *varies]


OFF = Cors(frozenset(), any_may_deliver=False, any_may_call=False)


class CorsMiddleware:
    """ASGI middleware that answers preflights, and adds the fields to all other responses.

    Starlette's middleware answers preflights with plain text, omits `Vary` for requests without
    Origin, and has one rule for all paths.
    """

    def __init__(self, app: ASGIApp, cors: Cors, logged: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app = app
        self._cors = cors
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and add the fields, or answer a preflight."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        preflight = self._preflight(scope)
        if preflight is not None:
            await self._logged(preflight)(scope, receive, send)
            return
        origin, is_delivery = origin_of(scope), _delivers(scope["path"], scope["method"])

        async def with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                is_shared = is_delivery and (self._cors.any_may_call or not _is_private(headers))
                fields = self._cors.fields(origin, is_delivery=is_shared)
                message = {**message, "headers": [*headers, *fields]}
            await send(message)

        await self._app(scope, receive, with_fields)

    def _preflight(self, scope: Scope) -> Response | None:
        """The response to a preflight; None if the request is not a preflight.

        A page without permissions gets the response to any other OPTIONS request.
        """
        method = joined_field(scope["headers"], b"access-control-request-method")
        if scope["method"] != "OPTIONS" or method is None:
            return None
        origin = origin_of(scope)
        allowed = self._cors.allowed(origin, is_delivery=_delivers(scope["path"], method))
        if allowed is None:
            return None
        answer = Response(status_code=204)
        answer.raw_headers = [
            (b"access-control-allow-origin", allowed),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", REQUEST_FIELDS),
            (b"access-control-max-age", b"%d" % MAX_AGE_SECONDS),
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]
        return answer


def shared_inline(inline: Inline, cors: Cors) -> Inline:
    """The inline responses, which are public, with the fields."""

    def answered(scope: Scope, fields: FieldsByName) -> tuple[bytes, bytes] | None:
        answer = inline(scope, fields)
        if answer is None:
            return None
        head, body = answer
        origin = fields.get(b"origin")
        sent_by = None if origin is None else origin.decode("latin-1")
        return head + written(cors.fields(sent_by, is_delivery=True)), body

    return answered


def written(fields: Fields) -> bytes:
    """The encoded fields."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


def origin_of(scope: Scope) -> str | None:
    """The origin of the page, as sent by the browser."""
    return joined_field(scope["headers"], b"origin")


def _delivers(path: str, method: str) -> bool:
    return method in READING and path.startswith(PREFIXES)


def _is_private(headers: Fields) -> bool:
    return any(name == b"cache-control" and value.startswith(b"private") for name, value in headers)
