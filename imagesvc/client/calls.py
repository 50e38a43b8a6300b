"""Every request of the client and how its answer is read: plain functions, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, Literal, TypedDict, TypeVar
from uuid import UUID

import httpx2
from pydantic import BaseModel

from .models import (
    Collection,
    CountedImagePage,
    DeleteResults,
    Image,
    Job,
    Jobs,
    Me,
    Page,
    Purged,
    SignedUrls,
    Token,
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
PIECE_BYTES = 1 << 16


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
    """Whether other users get the original with the place where it was taken."""


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
    read: Callable[[httpx2.Response], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Sequence[tuple[str, BinaryIO]] = ()
    """Of a form, with their names."""
    content: BinaryIO | None = None
    """A file that is the whole body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True
    """Whether sending it twice is as good as once (RFC 9110, section 9.2.2)."""

    def arguments(self) -> dict[str, Any]:
        """What httpx2 needs to make the request, but for `content`."""
        for _name, file in self.files:
            file.seek(0)
        return {
            "method": self.method,
            "url": self.path,
            "params": {name: value for name, value in self.query.items() if value is not None},
            "json": self.json,
            "data": self.form,
            "files": [("file", file) for file in self.files] or None,
            "headers": dict(self.headers),
        }

    def pieces(self) -> Iterator[bytes]:
        """`content` from its beginning."""
        if self.content is not None:
            self.content.seek(0)
            while piece := self.content.read(PIECE_BYTES):
                yield piece


def get_image(image_id: Id) -> Call[Image]:
    """One image."""
    return Call("GET", f"{API}/images/{image_id}", versioned(Image))


def list_images(query: Mapping[str, Any]) -> Call[Page[Image]]:
    """A page of images."""
    return Call("GET", f"{API}/images", model(Page[Image]), query=query)


def list_and_count_images(query: Mapping[str, Any]) -> Call[CountedImagePage]:
    """A page of images, with the number of images in the list where `total` asks for it."""
    return Call("GET", f"{API}/images", model(CountedImagePage), query=query)


def update_image(image_id: Id, changes: Mapping[str, Any], if_match: str | None) -> Call[Image]:
    """Change what people may say about an image, if it still is as it was known."""
    return _edit(f"{API}/images/{image_id}", Image, changes, if_match)


def delete_image(image_id: Id) -> Call[None]:
    """Delete an image."""
    return Call("DELETE", f"{API}/images/{image_id}", _nothing)


def delete_images(image_ids: Sequence[Id]) -> Call[DeleteResults]:
    """Delete several images, each for itself."""
    body = {"ids": [str(image_id) for image_id in image_ids]}
    path = f"{API}/images/actions/delete"
    return Call("POST", path, model(DeleteResults), json=body, is_repeatable=False)


def process(image_ids: Sequence[Id], operations: Sequence[Operation] | None) -> Call[Jobs]:
    """Have variants of images made; the eager presets without operations."""
    body: dict[str, Any] = {"ids": [str(image_id) for image_id in image_ids]}
    if operations is not None:
        body["operations"] = list(operations)
    path = f"{API}/images/actions/process"
    return Call("POST", path, model(Jobs), json=body, is_repeatable=False)


def list_variants(image_id: Id) -> Call[Page[Variant]]:
    """The stored variants of an image."""
    return Call("GET", f"{API}/images/{image_id}/variants", model(Page[Variant]))


def purge_variants(image_id: Id) -> Call[Purged]:
    """Remove the stored variants of an image."""
    return Call("DELETE", f"{API}/images/{image_id}/variants", model(Purged))


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
    return Call("GET", f"{API}/jobs/{job_id}", model(Job))


def retry_job(job_id: Id) -> Call[Job]:
    """Queue a job again."""
    return Call("POST", f"{API}/jobs/{job_id}/retry", model(Job))


def delete_job(job_id: Id) -> Call[Job | None]:
    """Cancel a job that has not ended, or delete one that has."""
    return Call("DELETE", f"{API}/jobs/{job_id}", _model_or_nothing(Job), is_repeatable=False)


def list_jobs(query: Mapping[str, Any]) -> Call[Page[Job]]:
    """A page of jobs."""
    return Call("GET", f"{API}/jobs", model(Page[Job]), query=query)


def list_collections(query: Mapping[str, Any]) -> Call[Page[Collection]]:
    """A page of collections."""
    return Call("GET", f"{API}/collections", model(Page[Collection]), query=query)


def create_collection(
    title: str, description: str, visibility: Visibility | None
) -> Call[Collection]:
    """Make a collection."""
    body = {"title": title, "description": description, "visibility": visibility}
    path = f"{API}/collections"
    return Call("POST", path, versioned(Collection), json=body, is_repeatable=False)


def get_collection(collection_id: Id) -> Call[Collection]:
    """One collection."""
    return Call("GET", f"{API}/collections/{collection_id}", versioned(Collection))


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
    return Call("GET", _members(collection_id), model(Page[Image]), query=query)


def change_collection_images(method: str, collection_id: Id, image_ids: Sequence[Id]) -> Call[None]:
    """Put images into a collection (POST), or take them out (DELETE)."""
    data = [{"type": "images", "id": str(image_id)} for image_id in image_ids]
    return Call(method, _members(collection_id), _nothing, json={"data": data})


def get_me() -> Call[Me]:
    """Who is asking."""
    return Call("GET", f"{API}/users/me", model(Me))


def log_in(username: str, password: str) -> Call[Token]:
    """Tokens for a name and password."""
    form = {"grant_type": "password", "username": username, "password": password}
    return Call("POST", f"{API}/auth/token", model(Token), form=form, is_repeatable=False)


def _members(collection_id: Id) -> str:
    return f"{API}/collections/{collection_id}/relationships/images"


def _signed_urls(answer: httpx2.Response) -> SignedUrls:
    given = SignedUrls.model_validate_json(answer.content)
    data = [one.model_copy(update={"url": str(answer.url.join(one.url))}) for one in given.data]
    return given.model_copy(update={"data": data})


def _edit(path: str, kind: type[V], changes: Mapping[str, Any], if_match: str | None) -> Call[V]:
    headers = {} if if_match is None else {"if-match": if_match}
    return Call("PATCH", path, versioned(kind), json=dict(changes), headers=headers)


def versioned(kind: type[V]) -> Callable[[httpx2.Response], V]:
    """What reads an answer as a model with its entity tag."""
    return lambda answer: kind.model_validate_json(answer.content).model_copy(
        update={"etag": answer.headers.get("etag")}
    )


def model(kind: type[M]) -> Callable[[httpx2.Response], M]:
    """What reads an answer as a model."""
    return lambda answer: kind.model_validate_json(answer.content)


def _model_or_nothing(kind: type[M]) -> Callable[[httpx2.Response], M | None]:
    return lambda answer: kind.model_validate_json(answer.content) if answer.content else None


def _nothing(_answer: httpx2.Response) -> None:
    return None
