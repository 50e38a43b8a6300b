"""What an uploader may say about an image, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import AfterValidator

from imagesvc.library.accept import MAX_TAGS

MAX_FIELD_BYTES = {"title": 1_000, "description": 20_000, "tags": 5_000}
DEFAULT_FIELD_BYTES = 100
MAX_TAG = 64


def max_bytes(name: str) -> int:
    """Bytes that a field may have in UTF-8."""
    return MAX_FIELD_BYTES.get(name, DEFAULT_FIELD_BYTES)


def check_text(name: str, text: str) -> None:
    """Check the text of a field.

    Raises:
        ValueError: what is wrong, as the end of a sentence that begins with the field's name.
    """
    if "\x00" in text:
        raise ValueError("must not hold NUL characters")
    if len(text.encode()) > max_bytes(name):
        raise ValueError(f"may have {max_bytes(name):,} bytes")


def check_tags(tags: Sequence[str]) -> None:
    """Check tags, each without spaces around it.

    Raises:
        ValueError: what is wrong, as the end of a sentence that begins with the field's name.
    """
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in tags):
        raise ValueError(f"may be {MAX_TAGS} tags of {MAX_TAG} characters each")


def _checked(name: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        check_text(name, text)
        return text

    return check


def _checked_tags(tags: list[str]) -> list[str]:
    check_text("tags", ",".join(tags))
    check_tags(tags)
    return tags


Title = Annotated[str, AfterValidator(_checked("title"))]
Description = Annotated[str, AfterValidator(_checked("description"))]
Tags = Annotated[list[Annotated[str, AfterValidator(str.strip)]], AfterValidator(_checked_tags)]
"""Fields of JSON bodies, checked like those of forms."""
