"""Objects in a bucket of Amazon S3, or of a service with the same interface."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from anyio import to_thread

from imagesvc.errors import BucketFull, NotFound
from imagesvc.outages.fullness import Fullness
from imagesvc.store.objects.failures import named_failures
from imagesvc.store.objects.sending import Parts, content_of, send
from imagesvc.syntax.bucket_url import BucketUrl

if TYPE_CHECKING:
    from obstore.store import S3Store

LIST_CHUNK = 1000
READ_BYTES = 1 << 20
CHECKED = "check"
"""A folder without objects but those of a trial, whose list is short."""
TRIAL_KEY = f"{CHECKED}/room"
"""The same for all nodes, so that a crash leaves one object at most."""
TRIAL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket; `tag` changes when its bytes change."""

    key: str
    bytes: int
    modified: datetime
    tag: str | None


class Bucket:
    """The objects below the prefix of one bucket; keys are relative to the prefix."""

    def __init__(self, url: BucketUrl, store: S3Store, library: Any, name: str = "") -> None:
        self.url = url
        self._name = name or str(url)
        """In messages of errors."""
        self._store = store
        self._library = library
        self._fullness = Fullness("bucket", self._try_room)

    async def list(
        self, prefix: str = "", *, after: str | None = None
    ) -> AsyncGenerator[list[StoredObject], None]:
        """Everything below a folder, in the order of the keys, some at a time.

        Args:
            prefix: whole segments of the key: `a` has `a/b` and not `ab`.
            after: a key; only those that follow it are listed.
        """
        chunks = self._library.list(
            self._store, prefix or None, offset=after, chunk_size=LIST_CHUNK
        )
        with self._errors():
            async for chunk in chunks:
                yield [_stored(meta) for meta in chunk]

    async def find(self, key: str) -> StoredObject | None:
        """An object without its bytes; None when there is no such object."""
        with contextlib.suppress(NotFound), self._errors():
            return _stored(await self._library.head_async(self._store, key))
        await self.check()  # the answer does not tell whether there is a bucket
        return None

    async def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            NotFound: there is no such object.
        """
        with self._errors():
            found = await self._library.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def stream(
        self, key: str, span: tuple[int, int] | None = None, *, piece_bytes: int = READ_BYTES
    ) -> AsyncIterator[bytes]:
        """An object, or its bytes from the first number up to the second, in pieces.

        Args:
            key: of the object.
            span: at least one byte, of which the first is in the object.
            piece_bytes: the least size of a piece.

        Raises:
            NotFound: there is no such object.
        """
        options = {"range": span} if span else {}
        with self._errors():
            found = await self._library.get_async(self._store, key, options=options)
            async for piece in found.stream(min_chunk_size=piece_bytes):
                yield bytes(piece)

    async def put(self, key: str, source: Path | BinaryIO | bytes) -> None:
        """Store an object, which replaces another of this key.

        A large file is sent in parts, of which few are in memory. When this is cancelled, or
        fails, there is no object, and no parts are kept: they take room that no list of objects
        shows. Only a service that cannot be reached keeps them, as after a crash; its rule for
        incomplete uploads removes them later.
        """
        if isinstance(source, bytes):
            content: bytes | Parts = source
        else:
            content = await to_thread.run_sync(content_of, source)
        try:
            with self._errors():
                await send(self._library, self._store, key, content)
        except BucketFull as error:
            self._fullness.note(error)
            raise

    async def create(self, key: str, source: bytes) -> bool:
        """Store a small object if there is none of this key; returns whether it was stored."""
        with self._errors():
            try:
                await self._library.put_async(
                    self._store, key, source, mode="create", use_multipart=False
                )
            except self._library.exceptions.AlreadyExistsError:
                return False
        return True

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are ignored."""
        with contextlib.suppress(NotFound), self._errors():
            if keys:
                await self._library.delete_async(self._store, [*keys])

    async def move(self, old: str, new: str) -> None:
        """Give an object another key, which the service does by a copy.

        Raises:
            NotFound: there is no such object.
        """
        with self._errors():
            await self._library.rename_async(self._store, old, new)

    def where(self, key: str) -> str:
        """The place of an object, for an operator."""
        url = self.url
        return f"{url.scheme}://{'/'.join(filter(None, (url.bucket, url.prefix, key)))}"

    async def check(self) -> None:
        """Check that the bucket exists, and that its objects may be listed.

        Raises:
            Unavailable: it cannot be used; the message is for operators.
        """
        with self._errors():
            async for _ in self._library.list(self._store, CHECKED):
                return

    async def check_room(self) -> None:
        """Check whether it takes objects: only after a refusal one is written, now and then.

        Raises:
            BucketFull: it has refused an object, and is still full.
        """
        await self._fullness.check()

    async def _try_room(self) -> None:
        await self.put(TRIAL_KEY, bytes(TRIAL_BYTES))
        await self.delete([TRIAL_KEY])

    async def sign(self, method: Literal["GET", "PUT"], key: str, expiry: timedelta) -> str:
        """A URL for requests of this method for one object until `expiry` from now.

        It needs no other credentials, so it is a secret. A request with PUT may have
        any body of any size: check the object before it is used.
        """
        with self._errors():
            url: str = await self._library.sign_async(self._store, method, key, expiry)
            return url

    def _errors(self) -> AbstractContextManager[None]:
        return named_failures(self._name, self.url.scheme, self._library)


def _stored(meta: Mapping[str, Any]) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])
