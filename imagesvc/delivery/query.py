"""The query of a delivery URL: transform parameters, and parameters of the response."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from imagesvc.auth.signing import RESERVED, Signature, Signer
from imagesvc.errors import InvalidTransform

MAX_PARAMETERS = 64
FLAGS = ("download", "debug")
EXTENSIONS = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "avif": "avif",
    "gif": "gif",
}
"""Extensions of a path that select a format."""

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parsed query of a URL.

    `transform` has the transform parameters in order; `signature` the valid signature, if any.
    """

    transform: Pairs
    signature: Signature | None
    is_shared: bool
    """Whether everyone who has the URL may use it: it is signed and expires, or is of a share."""
    download: bool
    debug: bool


def read_query(request: Request, signer: Signer) -> Asked:
    """Read the query of a delivery URL and check its signature.

    Raises:
        InvalidTransform: it is malformed, or a flag is not 0 or 1.
        SignatureInvalid: it has an invalid signature.
    """
    try:
        pairs = parse_qsl(
            signer.appended.cleaned(request.scope["query_string"]).decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidTransform("The query is malformed or too long.") from error
    path = request.scope["path"]
    signature = signer.verify(path, pairs, now=time.time())
    return Asked(
        transform=[
            *_format_of(path),
            *(
                pair
                for pair in signer.appended.without(pairs)
                if pair[0] not in RESERVED and pair[0] not in FLAGS
            ),
        ],
        signature=signature,
        is_shared=signature is not None and signature.expires_at is not None,
        download=_flag(pairs, "download"),
        debug=_flag(pairs, "debug"),
    )


def split_extension(path: str) -> tuple[str, str | None]:
    """A path, or the end of one, without its extension; and the extension of the format."""
    rest, dot, extension = path.rpartition(".")
    known = extension.lower()
    return (rest, known) if dot and known in EXTENSIONS else (path, None)


def _format_of(path: str) -> Pairs:
    extension = split_extension(path)[1]
    return [] if extension is None else [("format", EXTENSIONS[extension])]


def _flag(pairs: Pairs, name: str) -> bool:
    values = [value for key, value in pairs if key == name]
    if any(value not in {"0", "1"} for value in values) or len(values) > 1:
        message = "must be 0 or 1, once"
        raise InvalidTransform(f"{name} {message}.", ((name, message),))
    return values == ["1"]
