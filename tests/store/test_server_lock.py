"""The lock of a server, which has its URL."""

from __future__ import annotations

from pathlib import Path

from imagesvc.store.files.locks import MAX_URL, DataDirLock, running_server


def test_the_next_server_publishes_its_url_where_the_last_one_did(tmp_path: Path) -> None:
    """The file keeps its block, since a full disk would give no other."""
    path = tmp_path / "server.lock"
    first = DataDirLock(path)
    first.publish("http://127.0.0.1:8000/photos")
    first.release()

    second = DataDirLock(path)

    assert path.stat().st_size == MAX_URL
    assert running_server(path) is None
    second.publish("http://127.0.0.1:80")
    assert running_server(path) == "http://127.0.0.1:80"
    assert path.stat().st_size == MAX_URL
    second.release()
    assert running_server(path) is None
