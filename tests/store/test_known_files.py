"""Digests of files that were read before."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagesvc.model.ids import Digest
from imagesvc.store.sources.known_files import KnownFiles, StateUnusable

ONE, OTHER = Digest("1" * 64), Digest("2" * 64)


def test_a_file_is_known_until_it_changes(tmp_path: Path) -> None:
    """Size and time of modification tell; names need not be UTF-8."""
    state, path = tmp_path / "new" / "state.db", Path("/photos/caf\udce9.jpg")
    with KnownFiles(state) as known:
        known.keep(path, 10, 1_000, OTHER)
        known.keep(path, 10, 2_000, ONE)

    with KnownFiles(state) as known:
        assert known.digest_of(path, 10, 2_000) == ONE
        assert known.digest_of(path, 11, 2_000) is None
        assert known.digest_of(path, 10, 1_000) is None
        assert known.digest_of(path.parent, 10, 2_000) is None


def test_a_time_that_cannot_be_stored_is_not_remembered(tmp_path: Path) -> None:
    """The others are."""
    path = Path("/photos/a.jpg")
    with KnownFiles(tmp_path / "state.db") as known:
        known.keep(path, 10, 300_000_000_000 * 10**9, OTHER)
        known.keep(path, 10, (1 << 63) - 1, ONE)
        known.flush()

        assert known.digest_of(path, 10, 300_000_000_000 * 10**9) is None
        assert known.digest_of(path, 10, (1 << 63) - 1) == ONE


@pytest.mark.parametrize("content", [b"not a database" * 100, None])
def test_another_file_is_not_touched(tmp_path: Path, content: bytes | None) -> None:
    """The database of a server, or a photograph whose name was typed."""
    path = tmp_path / "other"
    if content is None:
        with KnownFiles(path):
            pass
        data = bytearray(path.read_bytes())
        data[68:72] = b"\0\0\0\1"  # the application id of an SQLite file
        content = bytes(data)
    path.write_bytes(content)

    with pytest.raises(StateUnusable, match="--state"):
        KnownFiles(path)

    assert path.read_bytes() == content
