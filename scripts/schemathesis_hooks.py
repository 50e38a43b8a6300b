"""What schemathesis cannot know of this API: real pictures to upload, cursors, and its own key."""

from __future__ import annotations

import io
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis import Case, HookContext

from imagesvc.model.formats import Format


def _picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64 + seed, 48), (seed, 90, 160)).save(out, "PNG")
    return out.getvalue()


PICTURES = st.integers(0, 60).map(_picture)

schemathesis.openapi.format("binary", PICTURES)
schemathesis.openapi.media_type("application/octet-stream", PICTURES)
schemathesis.openapi.media_type("image/*", PICTURES)
for format_ in Format:
    schemathesis.openapi.media_type(format_.media_type, PICTURES)

OWN_IDS = os.environ.get("OWN_IDS", "").split()
"""The key and the user that ask: without them every further answer would be 401."""
NOBODY = "00000000-0000-7000-8000-000000000000"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - names that schemathesis gives
    """Turn a change of the own key or user into one of something that does not exist."""
    if case.method.upper() != "GET":
        for name, value in case.path_parameters.items():
            if str(value) in OWN_IDS:
                case.path_parameters[name] = NOBODY


@schemathesis.hook
def filter_query(context: HookContext, query: dict[str, Any] | None) -> bool:
    """A cursor is what a page of the same list ended with; no schema can say which those are."""
    operation = context.operation
    is_images = operation is not None and operation.label == "GET /api/v1/images"
    return not (is_images and "cursor" in (query or {}))
