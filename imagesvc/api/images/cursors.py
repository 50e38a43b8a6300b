"""Cursors of lists with several orders: a position that is valid in one list only."""

from __future__ import annotations

import base64
import binascii
import hashlib

from pydantic_core import from_json, to_json
from starlette.requests import Request

from imagesvc.http.requests import invalid
from imagesvc.store.search.listing import Position

_NOT_OF_THE_LIST = frozenset({"cursor", "limit", "total"})
_KEY_BYTES = 8


def list_key(request: Request) -> str:
    """The identity of the requested list: its path, and all parameters except those of the page."""
    items = sorted(request.query_params.items())
    listed = [item for item in items if item[0] not in _NOT_OF_THE_LIST]
    of_path = request.path_params.get("month", "")
    return key_of(f"{of_path}{listed}")


def key_of(text: str) -> str:
    """The identity of the list that a text describes."""
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).hexdigest()


def position_text(position: Position | None, key: str) -> str | None:
    """The cursor of the page after a position."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(to_json([key, *position])).rstrip(b"=").decode()


def read_position(cursor: str | None, key: str) -> Position | None:
    """The position of a cursor.

    Raises:
        InvalidRequest: it is malformed, or belongs to another list.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = from_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise _foreign() from error
    if not isinstance(found, list) or not found or found[0] != key:
        raise _foreign()
    position = tuple(found[1:])
    if not all(type(part) is str or (type(part) is int and -(2**63) <= part < 2**63)
               for part in position):  # fmt: skip
        raise _foreign()
    return position


def _foreign() -> Exception:
    return invalid("cursor", "is not a next_cursor of this list")
