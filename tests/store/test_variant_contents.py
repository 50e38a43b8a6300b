"""The promises of what keeps variants, for each implementation of `VariantContents`."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Variant
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.objects.opening import open_blob_bucket
from imagesvc.store.objects.variants import ObjectVariants
from tests.cache.test_memory import entry
from tests.radosgw import Radosgw
from tests.store.remote_variants import RemoteVariants

pytestmark = pytest.mark.anyio
FILES: dict[str, Callable[[Path], VariantContents]] = {
    "files": VariantFiles,
    "remote": RemoteVariants,
}
CONTENT = bytes(range(256)) * 5000


@pytest.fixture(params=[*FILES, pytest.param("bucket", marks=pytest.mark.cluster)])
def contents(request: pytest.FixtureRequest, tmp_path: Path) -> VariantContents:
    """A place without variants."""
    if request.param == "bucket":
        service: Radosgw = request.getfixturevalue("radosgw")
        return ObjectVariants(open_blob_bucket(service.new_url()))
    (tmp_path / "variants").mkdir()
    return FILES[request.param](tmp_path / "variants")


def variant_of(content: bytes, name: str = "a") -> Variant:
    """The row about some bytes."""
    key = VariantKey(name * 64)
    made = entry(name).variant
    return replace(made, key=key, bytes=len(content), crc32=zlib.crc32(content))


async def streamed(contents: VariantContents, variant: Variant, start: int, stop: int) -> bytes:
    """A part of a variant."""
    return b"".join([piece async for piece in contents.stream(variant, start, stop)])


async def test_a_variant_is_read_as_it_was_written(
    contents: VariantContents, tmp_path: Path
) -> None:
    """From memory, and from a file that is closed then; as a whole and in part."""
    of_file = tmp_path / "made"
    of_file.write_bytes(CONTENT)
    file = of_file.open("rb")
    small, large = variant_of(b"small", "a"), variant_of(CONTENT, "b")

    await contents.write([(small.key, b"small"), (large.key, file)])

    assert file.closed
    assert await contents.read(small) == b"small"
    assert await contents.read(large) == CONTENT
    assert await streamed(contents, large, 0, len(CONTENT)) == CONTENT
    assert await streamed(contents, large, 100, 1_100_000) == CONTENT[100:1_100_000]
    assert await contents.is_whole(large)
    for variant, content in ((small, b"small"), (large, CONTENT)):
        assert contents.holds(variant.key) is not False
        path = contents.path(variant.key)
        assert path is None or path.read_bytes() == content


async def test_a_variant_that_is_written_again_is_replaced(contents: VariantContents) -> None:
    """Another version of an encoder makes other bytes."""
    before, after = variant_of(CONTENT), variant_of(b"shorter")
    await contents.write([(before.key, CONTENT)])

    await contents.write([(after.key, b"shorter")])

    assert await contents.read(after) == b"shorter"
    assert await contents.read(before) is None
    assert not await contents.is_whole(before)


async def test_a_deleted_variant_is_missing(contents: VariantContents) -> None:
    """A second deletion has no effect, and other variants stay."""
    gone, kept = variant_of(b"gone", "a"), variant_of(b"kept", "b")
    await contents.write([(gone.key, b"gone"), (kept.key, b"kept")])

    await contents.delete([gone.key])
    await contents.delete([gone.key])

    assert not contents.holds(gone.key)
    assert await contents.read(gone) is None
    assert not await contents.is_whole(gone)
    with pytest.raises(FileNotFoundError):
        await streamed(contents, gone, 0, 1)
    assert await contents.read(kept) == b"kept"


async def test_variants_are_listed_once_they_are_old_enough(contents: VariantContents) -> None:
    """The collection of orphans compares them with the rows."""
    assert [key async for some in contents.older_than(0) for key in some] == []
    made = [variant_of(b"made", name) for name in "abc"]
    await contents.write([(variant.key, b"made") for variant in made])

    assert [key async for some in contents.older_than(60) for key in some] == []
    found = [key async for some in contents.older_than(-60) for key in some]
    assert sorted(found) == [variant.key for variant in made]
