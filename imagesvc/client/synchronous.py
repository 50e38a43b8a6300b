"""The client for programs that wait for each answer; all but I/O is in `flows` and `calls`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx2

from . import calls, uploads
from .calls import (
    Call,
    Changes,
    Fields,
    FieldsOfUrl,
    Id,
    Operation,
    Progress,
    Transform,
)
from .flows import Came, Flow, Pause, answered, following, waited
from .models import (
    Collection,
    CountedImagePage,
    DeleteEntry,
    Image,
    Job,
    Me,
    Page,
    SignedUrls,
    Token,
    UploadEntry,
    UploadUrl,
    Variant,
    Visibility,
)
from .uploads import Source

T = TypeVar("T")
TIMEOUT = 60.0


class Client:
    """A service at a URL, asked one thing at a time.

    Args:
        base_url: such as `https://images.example.org`.
        key: an API key or an access token; None for a service without accounts.
        timeout: seconds that each step of a request may take.
    """

    def __init__(self, base_url: str, *, key: str | None = None, timeout: float = TIMEOUT) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=base_url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def log_in(self, username: str, password: str) -> Token:
        """Get tokens for a name and password, and use them from now on."""
        token = self._do(answered(calls.log_in(username, password)))
        self._http.headers["authorization"] = f"Bearer {token.access_token}"
        return token

    def me(self) -> Me:
        """Who is asking, with which scopes, and what they keep."""
        return self._do(answered(calls.get_me()))

    def upload(
        self,
        source: Source,
        *,
        filename: str | None = None,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Image:
        """Upload one file: a path, its bytes, or a file that can be read.

        Args:
            source: what to upload; a str is a path.
            filename: its name; that of the path, when not given.
            on_progress: called with the bytes sent so far and the bytes of all.
            idempotency_key: one for each image that is meant; a new one, when not given.
            fields: what to say about it.
        """
        name = filename or uploads.name_of(source)
        with uploads.opened(source) as file:
            call = uploads.upload(file, name, fields, on_progress, idempotency_key)
            return self._do(answered(call))

    def upload_raw(
        self,
        source: Source,
        *,
        filename: str | None = None,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Image:
        """Upload one file as the whole body of a request, with its fields in the URL; as `upload`.

        Proxies and logs see the fields there.
        """
        name = filename or uploads.name_of(source)
        with uploads.opened(source) as file:
            call = uploads.upload_raw(file, name, fields, on_progress, idempotency_key)
            return self._do(answered(call))

    def upload_several(
        self,
        sources: Sequence[Source],
        *,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> list[UploadEntry]:
        """Upload files in one request: an entry for each, in order, with its image or its error.

        Args:
            sources: what to upload; a str is a path.
            on_progress: called with the bytes sent so far and the bytes of all files.
            idempotency_key: one for all of them; a new one, when not given.
            fields: what to say about each of them.
        """
        with uploads.all_opened(sources) as files:
            call = uploads.upload_several(files, fields, on_progress, idempotency_key)
            return self._do(answered(call))

    def import_url(
        self, url: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> Image:
        """Have the service fetch an image, where its settings allow that (`allow_url_import`)."""
        return self._do(answered(uploads.import_url(url, fields, idempotency_key)))

    def upload_url(self, **fields: Unpack[FieldsOfUrl]) -> UploadUrl:
        """A URL for somebody without a credential, which takes one file, once."""
        return self._do(answered(uploads.get_upload_url(fields)))

    def wait(self, job_id: Id, *, timeout: float = 60.0) -> Job:
        """Wait until a job has succeeded.

        Raises:
            JobFailed: it has failed or was cancelled.
            NotInTime: it has not ended after `timeout` seconds.
        """
        return self._do(waited(job_id, timeout, time.monotonic))

    def image(self, image_id: Id) -> Image:
        """One image."""
        return self._do(answered(calls.get_image(image_id)))

    def images(self, q: str | None = None, **query: Any) -> Iterator[Image]:
        """Every image that a search finds, or all; pages are asked for as they are needed."""
        return self._items(calls.list_images({"q": q, **query}))

    def image_page(
        self,
        q: str | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        total: bool = False,
        **query: Any,
    ) -> CountedImagePage:
        """One page of the images that a search finds, or of all.

        Args:
            q: the search.
            limit: how many images at most.
            cursor: the `next_cursor` of the page before.
            total: whether to count the list.
            query: filters and order, such as `collection`, `visibility`, `sort`.
        """
        asked = {"q": q, "limit": limit, "cursor": cursor, "total": total or None, **query}
        return self._do(answered(calls.list_and_count_images(asked)))

    def update_image(
        self, image_id: Id, *, if_match: str | None = None, **changes: Unpack[Changes]
    ) -> Image:
        """Change title, description, tags, visibility or share_location; the rest stays.

        Args:
            image_id: which one.
            if_match: the `etag` that it was known by; PreconditionFailed when it has changed since.
            changes: what to change.
        """
        return self._do(answered(calls.update_image(image_id, changes, if_match)))

    def delete_image(self, image_id: Id) -> None:
        """Delete an image with all its variants and jobs."""
        self._do(answered(calls.delete_image(image_id)))

    def delete_images(self, image_ids: Sequence[Id]) -> list[DeleteEntry]:
        """Delete up to 100 images, each for itself: an entry for each, in order."""
        return (self._do(answered(calls.delete_images(image_ids)))).data

    def process(
        self, image_ids: Sequence[Id], operations: Sequence[Operation] | None = None
    ) -> list[Job]:
        """Have variants of images made: a job for each.

        Args:
            image_ids: of which images, up to 100.
            operations: names of presets, or transforms; the eager presets, when not given.
        """
        return (self._do(answered(calls.process(image_ids, operations)))).data

    def variants(self, image_id: Id) -> list[Variant]:
        """The stored variants of an image."""
        return self._do(answered(calls.list_variants(image_id))).data

    def purge_variants(self, image_id: Id) -> int:
        """Remove the stored variants of an image, which are made anew when asked for."""
        return (self._do(answered(calls.purge_variants(image_id)))).deleted

    def fetch(self, image_id: Id, **transform: Unpack[Transform]) -> bytes:
        """The bytes of the original, or of a variant: `fetch(id, w=400, format="webp")`."""
        return self._do(answered(calls.fetch(image_id, transform)))

    def sign_urls(
        self,
        image_id: Id,
        operations: Sequence[Operation] = ("original",),
        *,
        expires_in: int | None = None,
        download: bool = False,
    ) -> SignedUrls:
        """URLs that show pictures of one's own image without a credential, for `<img>`.

        Args:
            image_id: which image.
            operations: `original`, names of presets, or transforms.
            expires_in: seconds for which they hold; as the service does it, when not given.
            download: whether browsers save the pictures instead of showing them.
        """
        call = calls.sign_urls(image_id, operations, expires_in, download=download)
        return self._do(answered(call))

    def job(self, job_id: Id) -> Job:
        """One job."""
        return self._do(answered(calls.get_job(job_id)))

    def retry_job(self, job_id: Id) -> Job:
        """Queue a job again that has not succeeded; one that runs begins anew."""
        return self._do(answered(calls.retry_job(job_id)))

    def delete_job(self, job_id: Id) -> Job | None:
        """Cancel a job that has not ended, and return it; delete one that has ended."""
        return self._do(answered(calls.delete_job(job_id)))

    def jobs(self, **query: Any) -> Iterator[Job]:
        """Every job, the newest first."""
        return self._items(calls.list_jobs(query))

    def collection(self, collection_id: Id) -> Collection:
        """One collection."""
        return self._do(answered(calls.get_collection(collection_id)))

    def collections(self) -> Iterator[Collection]:
        """Every collection, the newest first."""
        return self._items(calls.list_collections({}))

    def create_collection(
        self, title: str, *, description: str = "", visibility: Visibility | None = None
    ) -> Collection:
        """Make a collection."""
        return self._do(answered(calls.create_collection(title, description, visibility)))

    def update_collection(
        self, collection_id: Id, *, if_match: str | None = None, **changes: Any
    ) -> Collection:
        """Change title, description or visibility; see `update_image`."""
        return self._do(answered(calls.update_collection(collection_id, changes, if_match)))

    def delete_collection(self, collection_id: Id) -> None:
        """Delete an empty collection."""
        self._do(answered(calls.delete_collection(collection_id)))

    def collection_images(self, collection_id: Id) -> Iterator[Image]:
        """Every image of a collection, the newest first."""
        return self._items(calls.list_collection_images(collection_id, {}))

    def add_to_collection(self, collection_id: Id, image_ids: Sequence[Id]) -> None:
        """Put images into a collection, all or none."""
        self._do(answered(calls.change_collection_images("POST", collection_id, image_ids)))

    def remove_from_collection(self, collection_id: Id, image_ids: Sequence[Id]) -> None:
        """Take images out of a collection, all or none."""
        self._do(answered(calls.change_collection_images("DELETE", collection_id, image_ids)))

    def _items(self, call: Call[Page[T]]) -> Iterator[T]:
        following_call: Call[Page[T]] | None = call
        while following_call is not None:
            page = self._do(answered(following_call))
            yield from page.data
            following_call = following(following_call, page)

    def _do(self, flow: Flow[T]) -> T:
        came: Came = None
        while True:
            try:
                step = flow.send(came)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                came = None
            else:
                came = self._send(step)

    def _send(self, call: Call[Any]) -> httpx2.Response | httpx2.TransportError:
        try:
            content = None if call.content is None else call.pieces()
            return self._http.request(content=content, **call.arguments())
        except httpx2.TransportError as error:
            return error
