"""Uploads: one file, several, one by URL, and URLs to which others upload."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Unpack
from uuid import uuid4

import httpx2

from ..calls import API, Call, nothing, versioned
from ..files import Source, all_opened, name_of, opened, watched, watched_together
from ..flows import Flow, answered
from ..methods import method
from ..models import Image, UploadEntry, UploadResults, UploadUrl
from ..parameters import Fields, FieldsOfUrl, Progress


class Uploads:
    """The methods of uploads; with its key each can be sent again, and is still one upload."""

    @method
    def upload(
        self,
        source: Source,
        *,
        filename: str | None = None,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Flow[Image]:
        """Upload one file: a path, its bytes, or a readable file.

        Args:
            source: the file to upload; a str is a path.
            filename: its name; by default that of the path.
            on_progress: called with the bytes sent so far and the total.
            idempotency_key: one for each intended image; by default a new one.
            fields: its metadata.
        """
        name = filename or name_of(source)
        with opened(source) as file:
            call = Call(
                "POST",
                f"{API}/images",
                _uploaded,
                form=_form(fields),
                files=[(name, watched(file, on_progress))],
                headers=_key(idempotency_key),
            )
            return (yield from answered(call))

    @method
    def upload_raw(
        self,
        source: Source,
        *,
        filename: str | None = None,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Flow[Image]:
        """Upload one file as the whole body of a request, with its fields in the URL; as `upload`.

        Proxies and logs see the fields there.
        """
        query = {"filename": filename or name_of(source), **fields}
        with opened(source) as file:
            content = watched(file, on_progress)
            size = content.seek(0, io.SEEK_END)
            headers = {"content-type": "application/octet-stream", "content-length": str(size)}
            call = Call(
                "POST",
                f"{API}/images/actions/upload",
                _uploaded,
                query=query,
                content=content,
                headers=headers | _key(idempotency_key),
            )
            return (yield from answered(call))

    @method
    def upload_several(
        self,
        sources: Sequence[Source],
        *,
        on_progress: Progress | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Fields],
    ) -> Flow[list[UploadEntry]]:
        """Upload files in one request: an entry for each, in order, with its image or its error.

        Args:
            sources: the files to upload; a str is a path.
            on_progress: called with the bytes sent so far and the total.
            idempotency_key: one for all of them; by default a new one.
            fields: the metadata of each of them.
        """
        with all_opened(sources) as files:
            call = Call(
                "POST",
                "/images",
                _entries,
                form=_form(fields),
                files=watched_together(files, on_progress),
                headers=_key(idempotency_key),
            )
            return (yield from answered(call))

    @method
    def import_url(
        self, url: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]
    ) -> Flow[Image]:
        """Make the service fetch an image, if its settings allow it (`allow_url_import`)."""
        body: dict[str, Any] = {"url": url, **fields}
        if "tags" in fields:
            body["tags"] = [tag for tag in fields["tags"].split(",") if tag.strip()]
        if "share_location" in fields:
            body["share_location"] = fields["share_location"] == "true"
        path = f"{API}/images/actions/import"
        return answered(Call("POST", path, _uploaded, json=body, headers=_key(idempotency_key)))

    @method
    def upload_url(self, **fields: Unpack[FieldsOfUrl]) -> Flow[UploadUrl]:
        """A URL that accepts one file, once, without a credential."""
        path = f"{API}/images/actions/upload-url"
        return answered(Call("GET", path, _upload_url, query=fields))

    @method
    def upload_by_url(
        self, source: Source, target: UploadUrl, *, on_progress: Progress | None = None
    ) -> Flow[Image]:
        """Send one file to the URL that `upload_url` returned, and complete the upload.

        With `direct_uploads` the file goes to the bucket, without a credential.

        Args:
            source: the file to upload; a str is a path.
            target: where to send it.
            on_progress: called with the bytes sent so far and the total.
        """
        is_direct = target.complete_url is not None
        with opened(source) as file:
            content = watched(file, on_progress)
            size = content.seek(0, io.SEEK_END)
            call = Call(
                target.method,
                target.url,
                nothing if is_direct else _uploaded,
                content=content,
                headers={**target.headers, "content-length": str(size)},
                is_elsewhere=is_direct,
                is_repeatable=is_direct,
            )
            made: Image | None = yield from answered(call)
        return made or (yield from answered(_completion(target)))

    @method
    def complete_upload(self, target: UploadUrl) -> Flow[Image]:
        """Make the image of a file that was sent to a bucket; repeating it changes nothing."""
        return answered(_completion(target))


def _completion(target: UploadUrl) -> Call[Image]:
    return Call("POST", target.complete_url or target.url, _uploaded)


def _upload_url(answer: httpx2.Response) -> UploadUrl:
    given = UploadUrl.model_validate_json(answer.content)
    urls = {"url": given.url, "complete_url": given.complete_url}
    absolute = {name: str(answer.url.join(url)) for name, url in urls.items() if url is not None}
    return given.model_copy(update=absolute)


def _uploaded(answer: httpx2.Response) -> Image:
    image = versioned(Image)(answer)
    return image.model_copy(update={"is_replay": "idempotent-replayed" in answer.headers})


def _entries(answer: httpx2.Response) -> list[UploadEntry]:
    if answer.status_code == httpx2.codes.MULTI_STATUS:
        return UploadResults.model_validate_json(answer.content).data
    return [UploadEntry(status=answer.status_code, image=_uploaded(answer))]


def _form(fields: Fields) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _key(idempotency_key: str | None) -> dict[str, str]:
    return {"idempotency-key": f'"{idempotency_key or uuid4()}"'}
