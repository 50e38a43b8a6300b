"""Scripts and style sheets of the gallery, under URLs that change with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from imagesvc.errors import NotFound
from imagesvc.http.bodies.declared import TEXT, Raw
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import Answer, operation
from imagesvc.http.packed import Packed

FOLDER = Path(__file__).parent / "static"
PREFIX = "/assets"
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
VERSION_DIGITS = 16
IMMUTABLE = "public, max-age=31536000, immutable"
VERSION = {"ETag": "The version of the bytes."}


@dataclass(frozen=True, slots=True)
class Assets:
    """All files, and their common version: modules import each other by relative paths."""

    version: str
    files: Mapping[str, tuple[str, Packed]]
    """Media types and contents, by path."""

    @property
    def prefix(self) -> str:
        """The start of the URLs of the files, below the base path."""
        return f"{PREFIX}/{self.version}"


@cache
def assets() -> Assets:
    """The assets; the first call reads and compresses all files."""
    files = {
        path.relative_to(FOLDER).as_posix(): (MEDIA_TYPES[path.suffix], path.read_bytes())
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
    digest = hashlib.sha256()
    for name, (_type, content) in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    packed = {name: (kind, Packed.of(content)) for name, (kind, content) in files.items()}
    return Assets(digest.hexdigest()[:VERSION_DIGITS], packed)


class AssetEndpoints:
    """The files of the gallery."""

    @operation(
        "get_asset", "GET", f"{PREFIX}/{{version}}/{{path:path}}", tag="gallery",
        query=LenientQuery, is_documented=False, errors=(NotFound,),
        answers={
            200: Answer(Raw(tuple(MEDIA_TYPES.values()), TEXT), VERSION), 304: Answer(None, VERSION)
        },
    )  # fmt: skip
    async def asset(self, call: Call[LenientQuery, None]) -> Response:
        """A script or style sheet.

        A page that is older than the server may name an old version. It gets the current file,
        which no cache stores under that URL.

        Raises:
            NotFound: there is no file at this path.
        """
        known = await run_in_threadpool(assets)
        found = known.files.get(call.request.path_params["path"])
        if found is None:
            raise NotFound("The gallery has no such file.")
        is_current = call.request.path_params["version"] == known.version
        media_type, packed = found
        return packed.answer(
            call.request,
            media_type,
            {
                "cache-control": IMMUTABLE if is_current else "no-cache",
                "vary": "accept-encoding",
                "x-content-type-options": "nosniff",
            },
        )
