"""Requests as data, each with how its answer is read; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeVar

import httpx2
from pydantic import BaseModel

from .models import Versioned

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
V = TypeVar("V", bound=Versioned)
API = "/api/v1"
PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the meaning of its response."""

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Sequence[tuple[str, BinaryIO]] = ()
    """The files of a form, with their names."""
    content: BinaryIO | None = None
    """A file that is the whole body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_elsewhere: bool = False
    """Whether it is sent to another service, which must not see the credential."""
    is_repeatable: bool = True
    """Whether sending it twice has the effect of once (RFC 9110, section 9.2.2)."""

    def arguments(self) -> dict[str, Any]:
        """The arguments of httpx2 for the request, except `content`."""
        for _name, file in self.files:
            file.seek(0)
        query = {name: value for name, value in self.query.items() if value is not None}
        return {
            "method": self.method,
            "url": self.path,
            "params": query or None,  # without parameters, those of the path stay
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


def edit(path: str, kind: type[V], changes: Mapping[str, Any], if_match: str | None) -> Call[V]:
    """A merge patch, of the version that `if_match` names."""
    headers = {} if if_match is None else {"if-match": if_match}
    return Call("PATCH", path, versioned(kind), json=dict(changes), headers=headers)


def model(kind: type[M]) -> Callable[[httpx2.Response], M]:
    """A parser of a response as a model."""
    return lambda answer: kind.model_validate_json(answer.content)


def versioned(kind: type[V]) -> Callable[[httpx2.Response], V]:
    """A parser of a response as a model with its entity tag."""
    return lambda answer: kind.model_validate_json(answer.content).model_copy(
        update={"etag": answer.headers.get("etag")}
    )


def nothing(_answer: httpx2.Response) -> None:
    """What reads an answer without a body."""
