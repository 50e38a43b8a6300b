"""Every request of the client and how its answer is read: plain functions, no I/O."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, Literal, TypedDict, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel

from .models import (
    Collection,
    Image,
    Job,
    Jobs,
    Page,
    SignedUrls,
    Token,
    UploadUrl,
    Variant,
    Versioned,
    Visibility,
)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
V = TypeVar("V", bound=Versioned)
Id = UUID | str
Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes of all."""
API = "/api/v1"


class Transform(TypedDict, total=False):
    """The transform parameters of a variant; `docs/transforms.md` shows each."""

    w: int
    h: int
    dpr: float
    fit: str
    gravity: str
    enlarge: int
    crop: str
    trim: int
    rotate: float
    flip: str
    brightness: float
    contrast: float
    saturation: float
    gray: int
    blur: float
    sharpen: float
    bg: str
    radius: int | str
    wm: str
    frame: int
    format: str
    q: int
    lossless: int
    max_bytes: int
    exact: int
    preset: str


Operation = str | Transform
"""A preset's name, a query string of transform parameters, or a transform."""


class Fields(TypedDict, total=False):
    """What may be said about an upload."""

    title: str
    description: str
    tags: str
    """With commas between."""
    collection_id: str
    visibility: Visibility
    share_location: Literal["true", "false"]
    """Whether others get the original with the place where it was taken."""


class FieldsOfUrl(Fields, total=False):
    """What may be said about an upload by a presigned URL."""

    filename: str
    content_type: str
    """That the file must have."""
    max_bytes: int
    expires_in: int
    """Seconds."""


class Changes(TypedDict, total=False):
    """What may be changed of an image."""

    title: str
    description: str
    tags: list[str]
    visibility: Visibility
    share_location: bool


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and what its answer means."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    file: tuple[str, BinaryIO] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    """Whether sending it twice is as good as once (RFC 9110, section 9.2.2)."""

    def arguments(self) -> dict[str, Any]:
        """What httpx needs to make the request."""
        if self.file is not None:
            self.file[1].seek(0)
        return {
            "method": self.method,
            "url": self.path,
            "params": {name: value for name, value in self.query.items() if value is not None},
            "json": self.json,
            "data": self.form,
            "files": None if self.file is None else {"file": self.file},
            "headers": dict(self.headers),
        }


class WatchedFile(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, file: BinaryIO, on_progress: Progress | None) -> None:
        super().__init__()
        self._file = file
        self._on_progress = on_progress
        self._begin = file.tell() if file.seekable() else 0
        if not file.seekable():
            self._file = io.BytesIO(file.read())
        self._size = self._file.seek(0, io.SEEK_END) - self._begin
        self._file.seek(self._begin)

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from where the file stood when it was given."""
        if whence == io.SEEK_SET:
            offset += self._begin
        return self._file.seek(offset, whence) - self._begin

    def tell(self) -> int:
        """How far it has been read."""
        return self._file.tell() - self._begin

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        if self._on_progress is not None:
            self._on_progress(self.tell(), self._size)
        return data


def name_of(source: Path | str | bytes | BinaryIO) -> str:
    """The file name of what is to be uploaded."""
    if isinstance(source, bytes):
        return "upload"
    return Path(
        source if isinstance(source, str | Path) else getattr(source, "name", "upload")
    ).name


@contextlib.contextmanager
def opened(source: Path | str | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """What is to be uploaded, as a file; a str is a path. A file that was given stays open."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source


def upload(
    file: BinaryIO,
    filename: str,
    fields: Fields,
    on_progress: Progress | None,
    idempotency_key: str | None,
) -> Call[Image]:
    """Upload one file; with its key it can be sent again, and is still one image."""
    return Call(
        "POST",
        f"{API}/images",
        _uploaded,
        form={name: str(value) for name, value in fields.items() if value is not None},
        file=(filename, WatchedFile(file, on_progress)),  # type: ignore[arg-type]  # it is one
        headers={"idempotency-key": f'"{idempotency_key or uuid4()}"'},
    )


def get_upload_url(fields: Mapping[str, Any]) -> Call[UploadUrl]:
    """A URL that takes one file, once, without a credential."""
    return Call("GET", f"{API}/images/actions/upload-url", _upload_url, query=fields)


def get_image(image_id: Id) -> Call[Image]:
    """One image."""
    return Call("GET", f"{API}/images/{image_id}", _versioned(Image))


def list_images(query: Mapping[str, Any]) -> Call[Page[Image]]:
    """A page of images."""
    return Call("GET", f"{API}/images", _model(Page[Image]), query=query)


def update_image(image_id: Id, changes: Mapping[str, Any], if_match: str | None) -> Call[Image]:
    """Change what people may say about an image, if it still is as it was known."""
    return _edit(f"{API}/images/{image_id}", Image, changes, if_match)


def delete_image(image_id: Id) -> Call[None]:
    """Delete an image."""
    return Call("DELETE", f"{API}/images/{image_id}", _nothing)


def process(image_ids: Sequence[Id], operations: Sequence[Mapping[str, Any]]) -> Call[Jobs]:
    """Have variants of images made."""
    body = {
        "ids": [str(image_id) for image_id in image_ids],
        "operations": [dict(operation) for operation in operations],
    }
    path = f"{API}/images/actions/process"
    return Call("POST", path, _model(Jobs), json=body, is_repeatable=False)


def list_variants(image_id: Id) -> Call[Page[Variant]]:
    """The stored variants of an image."""
    return Call("GET", f"{API}/images/{image_id}/variants", _model(Page[Variant]))


def fetch(image_id: Id, transform: Mapping[str, Any]) -> Call[bytes]:
    """The bytes of the original, or with transform parameters of a variant."""
    return Call("GET", f"/images/{image_id}", lambda answer: answer.content, query=transform)


def sign_urls(
    image_id: Id, operations: Sequence[Operation], expires_in: int | None, *, download: bool
) -> Call[SignedUrls]:
    """URLs that show pictures of an image without a credential."""
    body: dict[str, Any] = {"operations": list(operations), "download": download}
    if expires_in is not None:
        body["expires_in"] = expires_in
    return Call("POST", f"{API}/images/{image_id}/signed-urls", _signed_urls, json=body)


def get_job(job_id: Id) -> Call[Job]:
    """One job."""
    return Call("GET", f"{API}/jobs/{job_id}", _model(Job))


def retry_job(job_id: Id) -> Call[Job]:
    """Queue a job again."""
    return Call("POST", f"{API}/jobs/{job_id}/retry", _model(Job))


def delete_job(job_id: Id) -> Call[Job | None]:
    """Cancel a job that has not ended, or delete one that has."""
    return Call("DELETE", f"{API}/jobs/{job_id}", _model_or_nothing(Job), is_repeatable=False)


def list_jobs(query: Mapping[str, Any]) -> Call[Page[Job]]:
    """A page of jobs."""
    return Call("GET", f"{API}/jobs", _model(Page[Job]), query=query)


def list_collections(query: Mapping[str, Any]) -> Call[Page[Collection]]:
    """A page of collections."""
    return Call("GET", f"{API}/collections", _model(Page[Collection]), query=query)


def create_collection(
    title: str, description: str, visibility: Visibility | None
) -> Call[Collection]:
    """Make a collection."""
    body = {"title": title, "description": description, "visibility": visibility}
    path = f"{API}/collections"
    return Call("POST", path, _versioned(Collection), json=body, is_repeatable=False)


def get_collection(collection_id: Id) -> Call[Collection]:
    """One collection."""
    return Call("GET", f"{API}/collections/{collection_id}", _versioned(Collection))


def update_collection(
    collection_id: Id, changes: Mapping[str, Any], if_match: str | None
) -> Call[Collection]:
    """Change a collection, if it still is as it was known."""
    return _edit(f"{API}/collections/{collection_id}", Collection, changes, if_match)


def delete_collection(collection_id: Id) -> Call[None]:
    """Delete an empty collection."""
    return Call("DELETE", f"{API}/collections/{collection_id}", _nothing)


def list_collection_images(collection_id: Id, query: Mapping[str, Any]) -> Call[Page[Image]]:
    """A page of the images of a collection."""
    return Call("GET", _members(collection_id), _model(Page[Image]), query=query)


def change_collection_images(method: str, collection_id: Id, image_ids: Sequence[Id]) -> Call[None]:
    """Put images into a collection (POST), or take them out (DELETE)."""
    data = [{"type": "images", "id": str(image_id)} for image_id in image_ids]
    return Call(method, _members(collection_id), _nothing, json={"data": data})


def log_in(username: str, password: str) -> Call[Token]:
    """Tokens for a name and password."""
    form = {"grant_type": "password", "username": username, "password": password}
    return Call("POST", f"{API}/auth/token", _model(Token), form=form, is_repeatable=False)


def _members(collection_id: Id) -> str:
    return f"{API}/collections/{collection_id}/relationships/images"


def _uploaded(answer: httpx.Response) -> Image:
    image = _versioned(Image)(answer)
    return image.model_copy(update={"is_replay": "idempotent-replayed" in answer.headers})


def _upload_url(answer: httpx.Response) -> UploadUrl:
    given = UploadUrl.model_validate_json(answer.content)
    return given.model_copy(update={"url": str(answer.url.join(given.url))})


def _signed_urls(answer: httpx.Response) -> SignedUrls:
    given = SignedUrls.model_validate_json(answer.content)
    data = [one.model_copy(update={"url": str(answer.url.join(one.url))}) for one in given.data]
    return given.model_copy(update={"data": data})


def _edit(path: str, kind: type[V], changes: Mapping[str, Any], if_match: str | None) -> Call[V]:
    headers = {} if if_match is None else {"if-match": if_match}
    return Call("PATCH", path, _versioned(kind), json=dict(changes), headers=headers)


def _versioned(kind: type[V]) -> Callable[[httpx.Response], V]:
    return lambda answer: kind.model_validate_json(answer.content).model_copy(
        update={"etag": answer.headers.get("etag")}
    )


def _model(kind: type[M]) -> Callable[[httpx.Response], M]:
    return lambda answer: kind.model_validate_json(answer.content)


def _model_or_nothing(kind: type[M]) -> Callable[[httpx.Response], M | None]:
    return lambda answer: kind.model_validate_json(answer.content) if answer.content else None


def _nothing(_answer: httpx.Response) -> None:
    return None
