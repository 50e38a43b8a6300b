"""The query of a delivery URL: transform parameters, and those that are about the answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from imagesvc.auth.signing import RESERVED, Signature, Signer
from imagesvc.errors import InvalidTransform

MAX_PARAMETERS = 64
FLAGS = ("download", "debug")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a URL asks for.

    `transform` holds the transform parameters in order; `signature` the one that held, if any.
    """

    transform: Pairs
    signature: Signature | None
    download: bool
    debug: bool


def read_query(request: Request, signer: Signer) -> Asked:
    """Read the query of a delivery URL and check its signature.

    Raises:
        InvalidTransform: it is malformed, or a flag is not 0 or 1.
        SignatureInvalid: it has a signature that does not hold.
    """
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidTransform("The query is malformed or too long.") from error
    signature = signer.verify(request.scope["path"], pairs, now=time.time())
    return Asked(
        transform=[pair for pair in pairs if pair[0] not in RESERVED and pair[0] not in FLAGS],
        signature=signature,
        download=_flag(pairs, "download"),
        debug=_flag(pairs, "debug"),
    )


def _flag(pairs: Pairs, name: str) -> bool:
    values = [value for key, value in pairs if key == name]
    if any(value not in {"0", "1"} for value in values) or len(values) > 1:
        message = "must be 0 or 1, once"
        raise InvalidTransform(f"{name} {message}.", ((name, message),))
    return values == ["1"]
