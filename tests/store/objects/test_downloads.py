"""The cache of downloaded files, with objects that need no service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import InsufficientStorage
from imagesvc.service.files import files_of
from imagesvc.service.readiness import check_room
from imagesvc.settings.settings import Settings
from imagesvc.store.objects.downloads import DownloadCache
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
PIECE = b"12345"


class Objects:
    """What is fetched, in two pieces; the second one waits until it may."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.error: Exception | None = None

    async def fetch(self, name: str, path: Path) -> AsyncGenerator[int, None]:
        """Write an object to a file."""
        self.fetched.append(name)
        if name == "missing":
            return
        with path.open("xb", buffering=0) as file:
            yield file.write(PIECE)
            await self.may_end.wait()
            if self.error is not None:
                raise self.error
            yield file.write(PIECE)


@pytest.fixture
async def objects() -> Objects:
    """Objects that can be fetched at once."""
    return Objects()


@pytest.fixture
async def cache(tmp_path: Path) -> DownloadCache:
    """A cache with room for two of them, where a former process left a file."""
    (tmp_path / "scratch" / "former").mkdir(parents=True)
    (tmp_path / "scratch" / "former" / "0-one").write_bytes(b"left")
    cache = DownloadCache(tmp_path / "scratch", 4 * len(PIECE))
    await cache.open()
    return cache


async def use(cache: DownloadCache, objects: Objects, name: str) -> bytes | None:
    """The bytes of an object; None when it is missing."""
    async with cache.hold(name, partial(objects.fetch, name)) as path:
        return path.read_bytes() if path.exists() else None


def files_in(folder: Path) -> list[str]:
    files = [path for path in (folder / "scratch").rglob("*") if path.is_file()]
    return sorted(path.name.partition("-")[2] for path in files)


async def fetching(objects: Objects, count: int) -> None:
    async def begun() -> bool:
        return len(objects.fetched) >= count

    await until_async(begun)


async def test_on_a_full_disk_idle_files_make_room(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """One that fits nowhere is an error, and leaves nothing."""

    async def fetch(path: Path) -> AsyncGenerator[int, None]:
        with path.open("xb", buffering=0) as file:
            yield file.write(PIECE)
            if files_in(tmp_path) != ["new"]:
                raise InsufficientStorage("The disk is full.")
            yield file.write(PIECE)

    await use(cache, objects, "idle")

    async with cache.hold("new", fetch) as path:
        assert path.read_bytes() == 2 * PIECE
        with pytest.raises(InsufficientStorage):
            async with cache.hold("more", fetch):
                pass

    assert files_in(tmp_path) == ["new"]


async def test_users_at_the_same_time_share_one_fetch_and_later_ones_its_file(
    cache: DownloadCache, objects: Objects
) -> None:
    """A missing object is asked for again."""
    uses = await asyncio.gather(*(use(cache, objects, "one") for _ in range(5)))

    assert uses == [2 * PIECE] * 5
    assert await use(cache, objects, "one") == 2 * PIECE
    assert objects.fetched == ["one"]
    assert [await use(cache, objects, "missing") for _ in range(2)] == [None, None]
    assert objects.fetched == ["one", "missing", "missing"]


async def test_the_least_recently_used_file_goes_and_none_in_use(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """Files in use may have more than the limit, until they are released."""
    for name in ("one", "two", "one", "three"):
        await use(cache, objects, name)
    assert files_in(tmp_path) == ["one", "three"]

    async with cache.hold("one", partial(objects.fetch, "one")) as path:
        async with cache.hold("four", partial(objects.fetch, "four")):
            assert await use(cache, objects, "five") == 2 * PIECE
            assert files_in(tmp_path) == ["four", "one"]
        assert path.read_bytes() == 2 * PIECE
    assert files_in(tmp_path) == ["four", "one"]
    assert objects.fetched == ["one", "two", "three", "four", "five"]


async def test_a_failed_fetch_fails_for_all_that_wait_and_leaves_nothing(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """The next user fetches again."""
    objects.error = RuntimeError("broken")
    uses = await asyncio.gather(
        *(use(cache, objects, "one") for _ in range(3)), return_exceptions=True
    )
    assert uses == [objects.error] * 3
    assert files_in(tmp_path) == []

    objects.error = None
    assert await use(cache, objects, "one") == 2 * PIECE
    assert objects.fetched == ["one", "one"]


async def test_a_fetch_goes_on_until_its_last_user_is_cancelled(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """What was fetched until then is removed, and the next user fetches again."""
    objects.may_end.clear()
    first, second = (asyncio.ensure_future(use(cache, objects, "one")) for _ in range(2))
    await fetching(objects, 1)
    first.cancel()
    await asyncio.wait([first])
    assert files_in(tmp_path) == ["one"]
    second.cancel()
    await asyncio.wait([second])

    assert first.cancelled()
    assert second.cancelled()
    assert files_in(tmp_path) == []
    objects.may_end.set()
    assert await use(cache, objects, "one") == 2 * PIECE
    assert objects.fetched == ["one", "one"]


async def test_the_file_of_a_deleted_object_goes_once_it_is_not_in_use(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """Who asks afterwards does not get it."""
    async with cache.hold("one", partial(objects.fetch, "one")) as path:
        await cache.remove("one")
        assert path.read_bytes() == 2 * PIECE
        await use(cache, objects, "one")
        assert objects.fetched == ["one", "one"]
    assert files_in(tmp_path) == ["one"]
    await cache.remove("one")
    assert files_in(tmp_path) == []


async def test_processes_that_share_a_folder_have_files_of_their_own(
    cache: DownloadCache, objects: Objects, tmp_path: Path
) -> None:
    """The start of one removes nothing of another that runs, and its end removes its own."""
    assert await use(cache, objects, "one") == 2 * PIECE
    other = DownloadCache(tmp_path / "scratch", 4 * len(PIECE))
    await other.open()

    assert files_in(tmp_path) == ["one"]
    assert await use(other, objects, "one") == 2 * PIECE
    assert files_in(tmp_path) == ["one", "one"]
    await other.close()
    assert files_in(tmp_path) == ["one"]
    await cache.close()
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_worker_without_room_keeps_no_originals_for_later(
    tmp_path: Path, objects: Objects
) -> None:
    """Those in use stay; it takes no jobs while there is less than the setting."""
    values: dict[str, Any] = {
        "data_dir": tmp_path, "database_url": "postgresql://", "secret_key": "5e" * 32,
        "blob_url": "s3://images/?endpoint=http://127.0.0.1:9&region=a",
        "min_free_space": 8000 << 40,
    }  # fmt: skip
    settings = Settings(**values)
    files = files_of(settings, is_offline=False)
    await files.open()
    try:
        assert files.downloads is not None
        await use(files.downloads, objects, "idle")
        async with files.downloads.hold("used", partial(objects.fetch, "used")) as path:
            with pytest.raises(InsufficientStorage):
                await check_room(files, settings)
            assert path.exists()
            kept = [file for file in (tmp_path / "downloads").rglob("*") if file.is_file()]
        assert kept == [path]
    finally:
        await files.close()
