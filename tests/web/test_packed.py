"""Large documents without rate limits: no request compresses or decompresses them."""

from __future__ import annotations

import gzip

import pytest
from pydantic_core import from_json
from starlette.requests import Request

from imagesvc.auth.principals import STRANGER
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.openapi.document import MAX_BASES, OpenApiEndpoints
from imagesvc.http.operations import operations_of
from imagesvc.syntax.url_bases import BASE
from imagesvc.web.docs import DocsEndpoints
from tests.server import Server

pytestmark = pytest.mark.anyio


def request_for(encoding: str, base: str = "", asset: str = "") -> Request:
    """A request of a client that accepts a content coding."""
    return Request({
        "type": "http", "method": "GET", "path": "/", BASE: base, "query_string": b"",
        "headers": [(b"accept-encoding", encoding.encode())], "path_params": {"asset": asset},
    })  # fmt: skip


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_the_description_is_kept_in_both_forms(encoding: str) -> None:
    """Two responses are the same bytes in memory."""
    endpoints = OpenApiEndpoints(operations_of(DocsEndpoints))
    call = Call(request_for(encoding), STRANGER, None, None)

    first, second = await endpoints.show(call), await endpoints.show(call)

    assert first.body is second.body
    assert first.headers.get("content-encoding", "identity") == encoding


async def test_descriptions_of_many_prefixes_are_not_all_kept() -> None:
    """A proxy may pass on prefixes that its clients choose."""
    endpoints = OpenApiEndpoints(operations_of(DocsEndpoints))
    calls = [
        Call(request_for("identity", f"/p{number}"), STRANGER, None, None)
        for number in range(MAX_BASES + 1)
    ]

    answers = [await endpoints.show(call) for call in calls]

    servers = [from_json(bytes(answer.body))["servers"] for answer in answers]
    assert servers == [[{"url": f"/p{number}"}] for number in range(MAX_BASES + 1)]
    assert (await endpoints.show(calls[-1])).body is answers[-1].body
    assert (await endpoints.show(calls[0])).body is not answers[0].body


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_files_of_the_page_are_kept_in_both_forms(encoding: str) -> None:
    """The largest one has 1.7 MB uncompressed."""
    request = request_for(encoding, asset="swagger-ui-bundle.js")
    call = Call(request, STRANGER, LenientQuery(), None)

    first, second = await DocsEndpoints().asset(call), await DocsEndpoints().asset(call)

    assert first.body is second.body
    assert first.headers.get("content-encoding", "identity") == encoding


def test_both_forms_are_one_document(server: Server) -> None:
    """This also holds for a client that refuses gzip."""
    for path in ("/api/v1/openapi.json", "/api/v1/docs/swagger-ui.css", "/api/v1/docs"):
        plain = server.client.get(path, headers={"accept-encoding": "gzip;q=0, identity"})
        with server.client.stream("GET", path, headers={"accept-encoding": "gzip"}) as packed:
            content = b"".join(packed.iter_raw())

        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(content) == plain.content
        assert packed.headers["etag"] == plain.headers["etag"]
