"""The memory tier: an LRU bounded in bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from imagesvc.cache.memory import ENTRY_OVERHEAD, Entry, MemoryCache
from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.model.images import Variant

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BODY = 10_000


def entry(name: str, image: str = "a", size: int = BODY) -> Entry:
    """An entry with a body of zeros."""
    variant = Variant(
        key=VariantKey(name), image_id=ImageId(UUID(int=ord(image))), transform="w=1",
        format=Format.JPEG, width=1, height=1, bytes=size, crc32=0, created_at=NOON,
        last_used_at=NOON,
    )  # fmt: skip
    return Entry(variant, bytes(size))


def cache_of(entries: int) -> MemoryCache:
    """A cache with space for this many entries of the usual size."""
    return MemoryCache(entries * (BODY + ENTRY_OVERHEAD))


def keys(cache: MemoryCache, names: str) -> str:
    """The given names that are in the cache, without counting as a use."""
    inside = cache.keys_of_images(ImageId(UUID(int=ord("a"))))
    return "".join(name for name in names if name in inside)


def test_the_least_recently_used_is_evicted_first() -> None:
    """Variants in use are kept."""
    cache = cache_of(4)
    for name in "abcd":
        cache.put(entry(name))

    cache.get(VariantKey("a"))
    cache.put(entry("e"))
    cache.put(entry("f"))

    assert keys(cache, "abcdef") == "adef"


def test_the_bytes_stay_within_the_bound() -> None:
    """The overhead is counted: otherwise many small entries would take a multiple of the limit."""
    cache = cache_of(8)

    for number in range(1000):
        cache.put(entry(str(number), size=number % 97 * 100))
        assert cache.bytes <= cache.max_bytes
    kept = [cache.get(name) for name in cache.keys_of_images(ImageId(UUID(int=ord("a"))))]
    assert cache.bytes == sum(item.cost for item in kept if item is not None)


def test_putting_a_key_again_replaces_it() -> None:
    """A variant that is rendered again is counted once."""
    cache = cache_of(4)
    cache.put(entry("a"))
    newer = entry("a", size=50)

    cache.put(newer)

    assert cache.get(VariantKey("a")) is newer
    assert (len(cache), cache.bytes) == (1, newer.cost)


def test_an_entry_too_large_evicts_nothing() -> None:
    """One panorama must not evict a quarter of all thumbnails."""
    cache = cache_of(8)
    cache.put(entry("a"))

    cache.put(entry("b", size=3 * BODY))

    assert keys(cache, "ab") == "a"


def test_removing_an_image_removes_its_variants_and_notifies_listeners() -> None:
    """URLs of an entry are removed with it, for every reason of the removal."""
    cache, heard = cache_of(4), []
    cache.on_removal(lambda entry: heard.append(entry.variant.key))
    for name, image in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "z")):
        cache.put(entry(name, image))

    cache.remove_of_images(ImageId(UUID(int=ord("x"))))
    cache.put(entry("e"))
    cache.put(entry("f"))
    cache.put(entry("g"))

    assert heard == ["a", "c", "b"]
    assert len(cache) == 4


def test_uses_are_reported_once() -> None:
    """They are written to the disk tier regularly, so that it evicts by the same order."""
    cache = cache_of(4)
    cache.put(entry("a"))
    assert cache.take_used() == ["a"]
    assert cache.take_used() == []

    cache.get(VariantKey("a"))

    assert cache.take_used() == ["a"]
