"""The page of the API: every operation, with forms to try it; it uses no other servers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.errors import NotFound
from imagesvc.http.bodies.declared import TEXT, Raw
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import Answer, operation
from imagesvc.http.packed import Packed

TAG = "documentation"
HERE = Path(__file__).parent
VENDOR = HERE / "vendor" / "swagger-ui"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
    "blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets `style` attributes, and shows fetched pictures as blobs."""
JAVASCRIPT, CSS, HTML = "text/javascript", "text/css", "text/html"
VERSION = {"ETag": "The version of the bytes."}
NOT_MODIFIED = Answer(None, VERSION)


@cache
def assets() -> dict[str, tuple[str, Packed]]:
    """The files and their media types by name; the page itself has none."""
    return {
        "": (HTML, Packed.of((HERE / "docs.html").read_bytes())),
        "page.js": (JAVASCRIPT, Packed.of((HERE / "docs.js").read_bytes())),
        "swagger-ui-bundle.js": (JAVASCRIPT, _vendored("swagger-ui-bundle.js")),
        "swagger-ui.css": (CSS, _vendored("swagger-ui.css")),
    }


def _vendored(name: str) -> Packed:
    return Packed.of_gzipped((VENDOR / f"{name}.gz").read_bytes())


class DocsEndpoints:
    """The page of the API and its files."""

    @operation(
        "show_docs", "GET", "/api/v1/docs", tag=TAG, query=LenientQuery,
        answers={200: Answer(Raw((HTML,), TEXT), VERSION), 304: NOT_MODIFIED},
    )  # fmt: skip
    async def page(self, call: Call[LenientQuery, None]) -> Response:
        """The page of the API, with forms to try each operation."""
        return await _sent(call.request, "")

    @operation(
        "get_docs_asset", "GET", "/api/v1/docs/{asset}", tag=TAG, query=LenientQuery,
        answers={
            200: Answer(Raw((JAVASCRIPT, CSS, HTML), TEXT), VERSION), 304: NOT_MODIFIED
        },
        errors=(NotFound,),
    )  # fmt: skip
    async def asset(self, call: Call[LenientQuery, None]) -> Response:
        """A script or style sheet of the page of the API.

        Raises:
            NotFound: there is no file of this name.
        """
        return await _sent(call.request, call.request.path_params["asset"])


async def _sent(request: Request, name: str) -> Response:
    found = (await run_in_threadpool(assets)).get(name)
    if found is None:
        raise NotFound("The page of the API has no such file.")
    media_type, packed = found
    return packed.answer(
        request,
        media_type,
        {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "referrer-policy": "no-referrer",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        },
    )
