"""The facets of a list, in the store; warnings of SQLAlchemy are errors, as in all tests."""

from __future__ import annotations

import pytest

from imagesvc.model.images import Viewer
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from imagesvc.store.search.facets import Facets
from imagesvc.store.search.listing import ImageFilter
from imagesvc.store.search.parser import parse
from tests.store.rows import image_and_job

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("q", ["", "sea", "tags:sea", "is:favourite", "color:#2f6b9a"])
async def test_tags_are_those_of_the_images_that_are_counted(database: Database, q: str) -> None:
    """Each tag belongs to its image: no tag is counted once for every image."""
    for tags in (("sea", "sand"), ("sea",), ()):
        await ImageStore(database).add(*image_and_job(tags=tags))

    found = await Facets(database).of(ImageFilter(viewer=Viewer(None, True), query=parse(q)))

    expected = {"": [("sea", 2), ("sand", 1)], "sea": [("sea", 2), ("sand", 1)]}
    expected["tags:sea"] = expected["sea"]
    assert found.tags == expected.get(q, [])
