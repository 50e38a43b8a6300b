"""The log-out of a browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.csrf import check_own_origin
from imagesvc.auth.sessions.cookies import NAME, remove_cookie
from imagesvc.auth.sessions.sessions import Sessions


async def log_out(sessions: Sessions, request: Request, response: Response) -> Response:
    """End the session of a request; the response has the browser forget the cookie.

    It is the same if the session has ended before.

    Raises:
        Forbidden: a page of another origin sent the request.
    """
    check_own_origin(request)
    await sessions.end(request)
    response.headers["cache-control"] = "no-store"
    remove_cookie(request, response, NAME)
    return response
