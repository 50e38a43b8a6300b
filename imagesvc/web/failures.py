"""Errors as pages, for browsers that were led to a URL; programs get problem documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog
from starlette.responses import Response

from imagesvc.auth.principals import Principal
from imagesvc.errors import ImagesvcError, Unavailable
from imagesvc.http.bodies.html_forms import prefers_html
from imagesvc.http.calls import Context
from imagesvc.web.templating import Page, Pages

Kind = Literal["login", "forbidden"]


@dataclass(frozen=True, slots=True)
class Failures:
    """Makes pages of errors."""

    pages: Pages

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
            "kind": kind, "detail": error.detail, "way_out": way_out, "request_id": request_id,
        }  # fmt: skip
        page = Page(
            "error.html",
            ("common",),
            has_secret_url=kind == "login",
            status=error.status,
            words=words,
        )
        response = await self.pages.response(context, user, page)
        if isinstance(error, Unavailable):
            response.headers["retry-after"] = str(error.retry_after)
        return response
