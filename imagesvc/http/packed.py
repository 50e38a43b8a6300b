"""Documents that many clients request, stored plain and as gzip."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.http.conditional import etag_matches
from imagesvc.syntax.header_fields import accepts_gzip, joined_field


@dataclass(frozen=True, slots=True)
class Packed:
    """A document in both forms, and its entity tag."""

    plain: bytes
    gzipped: bytes
    etag: str

    @classmethod
    def of(cls, plain: bytes) -> Packed:
        """Compress a document; slow for a large one."""
        return cls(plain, gzip.compress(plain, mtime=0), _etag(plain))

    @classmethod
    def of_gzipped(cls, gzipped: bytes) -> Packed:
        """Decompress a document; slow for a large one."""
        return cls(gzip.decompress(gzipped), gzipped, _etag(gzipped))

    def answer(self, request: Request, media_type: str, fields: Mapping[str, str]) -> Response:
        """The document in a form that the client accepts, or 304."""
        headers = {"cache-control": "public, no-cache", "etag": self.etag, **fields}
        if etag_matches(joined_field(request.headers.raw, b"if-none-match") or "", self.etag):
            return Response(status_code=304, headers=headers)
        if not accepts_gzip(joined_field(request.headers.raw, b"accept-encoding")):
            return Response(self.plain, headers=headers, media_type=media_type)
        headers["content-encoding"] = "gzip"
        return Response(self.gzipped, headers=headers, media_type=media_type)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
