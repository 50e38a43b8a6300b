"""The difference of two lists of blobs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.model.ids import Digest
from imagesvc.store.objects.sorted_blobs import BlobList, SizedBlob, missing_from

pytestmark = pytest.mark.anyio

LISTS = st.dictionaries(st.integers(0, 30), st.integers(0, 2)).map(
    lambda sizes: [SizedBlob(Digest(f"{at:064x}"), size) for at, size in sorted(sizes.items())]
)


async def each(blobs: list[SizedBlob]) -> AsyncIterator[SizedBlob]:
    """All of them."""
    for blob in blobs:
        yield blob


@given(known=LISTS, wanted=LISTS)
async def test_what_a_list_lacks_is_missing(
    known: list[SizedBlob], wanted: list[SizedBlob]
) -> None:
    """What has another size, too; the list comes back from its file as it was."""
    with contextlib.closing(BlobList()) as noted:
        for blob in known:
            noted.add(blob)
        found = [pair async for pair in missing_from(noted.read(), each(wanted))]

    assert found == [(blob, blob not in known) for blob in wanted]
