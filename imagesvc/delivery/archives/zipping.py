"""Zipping: images become a ZIP file while it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.delivery.archives.members import Member
from imagesvc.delivery.archives.names import Names
from imagesvc.delivery.archives.zip_stream import FIRST_YEAR, ZipStream
from imagesvc.delivery.bodies import Streamed
from imagesvc.errors import ImagesvcError
from imagesvc.http.bodies.declared import Raw
from imagesvc.imaging.messages import Withheld
from imagesvc.model.images import Image
from imagesvc.store.search.keys import dated_at

ZIP = Raw(("application/zip",), {"type": "string", "format": "binary"})
EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
"""The date of members that must not have one of their own."""
LEFT_OUT = "left-out.txt"
"""The file in an archive that names the images that could not be added."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image whose turn it is, as it is now."""

    image: Image
    withheld: Withheld | None
    """What its file must not have."""

    @property
    def dated(self) -> datetime:
        """The date of its file: that of the picture, if that is not withheld."""
        if self.withheld is Withheld.METADATA:
            return EARLIEST
        return dated_at(self.image.exif, self.image.created_at)


@dataclass(frozen=True, slots=True)
class Zipping:
    """Makes a ZIP file of images."""

    images: AsyncGenerator[Wanted, None]
    """Looks at images and rights again at each turn. An error that it raises ends the file, which
    says so.
    """
    find: Callable[[Wanted], Awaitable[Member]]
    """The file of an image; one that it raises an error for is left out."""
    now: datetime

    def response(self, request: Request) -> Response:
        """The response with the file, to be saved."""
        name = f"images-{self.now:%Y-%m-%d}.zip"
        headers = {
            "content-type": ZIP.media_types[0],
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        pieces = self._pieces()
        return Streamed(pieces, pieces, HTTPStatus.OK, headers)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        zipped, names, left_out = ZipStream(), Names(), list[str]()
        names.unique(LEFT_OUT, "txt")
        async with aclosing(self._found(left_out)) as found:
            async for wanted, member in found:
                name = names.unique(wanted.image.filename, member.format.extension)
                yield zipped.begin(name, wanted.dated, member.size)
                async with aclosing(member.pieces()) as pieces:
                    async for piece in pieces:
                        yield await to_thread.run_sync(zipped.write, piece)
                yield zipped.end()
        if left_out:
            text = "".join(left_out).encode()
            yield zipped.begin(LEFT_OUT, self.now, len(text)) + zipped.write(text)
            yield zipped.end()
        yield zipped.finish()

    async def _found(self, left_out: list[str]) -> AsyncGenerator[tuple[Wanted, Member], None]:
        """The images that can be added, with their files; the reasons for others."""
        async with aclosing(self.images) as images:
            while True:
                try:
                    wanted = await anext(images, None)
                except ImagesvcError as error:
                    left_out.append(f"{error}\n")
                    return
                if wanted is None:
                    return
                image = wanted.image
                try:
                    member = await self.find(wanted)
                except (ImagesvcError, FileNotFoundError) as error:
                    log.warning(
                        "left out of an archive", action="archive.left_out", image=str(image.id)
                    )
                    left_out.append(f"{image.filename}: {error}\n")
                    continue
                yield wanted, member
