"""The page that builds the URL of a variant of an image."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.web.builder.grammar import fields
from imagesvc.web.pages import PageEndpoints, page_operation
from imagesvc.web.templating import Page


@dataclass(frozen=True, slots=True)
class BuilderRules:
    """What the builder has to know of the settings."""

    watermarks: tuple[str, ...]
    must_be_signed: tuple[str, ...]
    """The kinds of URLs that need a signature: `original`, `free_form`."""
    max_signed_seconds: int


@dataclass(frozen=True, slots=True)
class BuilderPageEndpoints:
    """The URL builder; the fields are its dependencies."""

    pages: PageEndpoints
    rules: BuilderRules

    @page_operation("show_builder_page", "/build/{image_id}")
    async def build(self, call: Call[LenientQuery, None]) -> Response:
        """The form with every key of the grammar; its script shows the variant and its URL."""
        data = {
            "image": str(call.id("image_id")),
            "fields": fields(),
            "watermarks": self.rules.watermarks,
            "must_be_signed": self.rules.must_be_signed,
            "max_signed_seconds": self.rules.max_signed_seconds,
        }
        page = Page("builder.html", ("common", "keys", "builder"), data)
        return await self.pages.for_user(call, page)
