"""Responses for browsers that show pages: to plain HTML forms, and redirects to another page."""

from __future__ import annotations

from http import HTTPStatus

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.http.bodies.content_type import MULTIPART, ContentType
from imagesvc.syntax.header_fields import joined_field, weights_of


def shown_by_browser(request: Request, answer: Response) -> Response:
    """The response to an upload; a browser that sent a form is redirected to the picture.

    Only a request that prefers HTML to JSON is redirected: scripts accept JSON or every type.
    """
    is_form = ContentType.of(request).media_type == MULTIPART
    if answer.status_code != HTTPStatus.CREATED or not is_form or not prefers_html(request):
        return answer
    urls = from_json(bytes(answer.body))["urls"]
    # Browsers can show every preview, but not every original.
    return see_other(urls["preview"] or urls["original"])


def see_other(location: str) -> Response:
    """Send a browser to another page; only requests that prefer HTML, or have no session, are."""
    headers = {"location": location, "cache-control": "no-store", "vary": "accept, cookie"}
    return Response(status_code=HTTPStatus.SEE_OTHER, headers=headers)


def prefers_html(request: Request) -> bool:
    """Whether a request prefers HTML to JSON, as requests of browsers do."""
    weights = weights_of(joined_field(request.headers.raw, b"accept") or "")
    return weights.get("text/html", 0.0) > weights.get("application/json", 0.0)
