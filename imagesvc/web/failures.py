"""Errors as pages, for browsers that were led to a URL; programs get problem documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.principals import STRANGER, Principal
from imagesvc.auth.rates.limits import rate_limit_headers
from imagesvc.errors import ImagesvcError, RateLimited, Unavailable
from imagesvc.http.bodies.html_forms import prefers_html
from imagesvc.http.calls import Context
from imagesvc.http.problems import on_error
from imagesvc.model.noted import RouteClass, noted_in
from imagesvc.web.templating import Page, Pages

Kind = Literal["login", "forbidden", "busy"]


@dataclass(frozen=True, slots=True)
class Failures:
    """Makes pages of errors."""

    pages: Pages

    async def on_rate_limited(self, request: Request, error: Exception) -> Response:
        """Answer too many requests: a page instead of a page, and a problem document otherwise."""
        context = Context(request, STRANGER)
        is_page = noted_in(request.scope).route is RouteClass.PAGE
        if not (is_page and self.has_page(context) and isinstance(error, RateLimited)):
            return await on_error(request, error)
        home = f"{context.base_path}/"
        response = await self.page(context, error, "busy", way_out=home)
        response.headers.update(rate_limit_headers(request))
        return response

    def has_page(self, context: Context) -> bool:
        """Whether the response to a request is a page."""
        return self.pages.is_on and prefers_html(context.request)

    async def page(
        self,
        context: Context,
        error: ImagesvcError,
        kind: Kind,
        *,
        way_out: str,
        user: Principal | None = None,
    ) -> Response:
        """The page of an error.

        Args:
            context: the request.
            error: its error, whose detail is shown.
            kind: what has failed.
            way_out: the URL of the link below.
            user: the user of the request, if there is one.
        """
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        words = {
            "kind": kind, "code": error.code, "detail": error.detail, "way_out": way_out,
            "request_id": request_id,
        }  # fmt: skip
        page = Page(
            "error.html",
            ("common",),
            has_secret_url=kind == "login",
            status=error.status,
            words=words,
        )
        response = await self.pages.response(context, user, page)
        if isinstance(error, Unavailable | RateLimited):
            response.headers["retry-after"] = str(error.retry_after)
        return response
