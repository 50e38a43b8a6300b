"""File names that uploaders choose: shown, and otherwise of no consequence."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.http.asking import (
    RawAnswer,
    file_part,
    multipart,
    picture,
    post_multipart,
    send_raw,
)
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

SHARED = Path(os.environ.get("TEST_SHARED", Path(__file__).parents[3] / "shared"))
MANIFEST = SHARED / "corpus" / "manifest.json"
STORED = re.compile("[0-9a-f]{64}|[0-9]+-[0-9a-f]{64}-[0-9a-f]{32}")
"""The names of originals: in the store, and of those that were fetched from a bucket."""


def corpus_names() -> list[bytes]:
    """The file names of the corpus."""
    return [
        entry["name"].encode("utf-8", "surrogatepass")
        if "name" in entry
        else base64.b64decode(entry["name_b64"])
        for entry in json.loads(MANIFEST.read_text())["upload_names"]
    ]


def few_names() -> list[bytes]:
    """One file name of each kind."""
    return [
        b"../../../../tmp/corpus_pwned.jpg", b"..", b"", b"x\r\nSet-Cookie: a=b\r\n.jpg",
        b'x"; filename="y.php', b"nul\0.jpg", b"photo\xff.jpg", b"|id>/tmp/corpus_pwned|.jpg",
        "\u202egpj.exe".encode(), b"%0d%0aX: y.jpg", b"\\\\host\\share\\a.jpg", b"a" * 4000,
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["part", "query"])
@pytest.mark.parametrize(
    "names",
    [
        few_names,
        pytest.param(
            corpus_names,
            marks=[
                pytest.mark.long,
                pytest.mark.skipif(
                    not MANIFEST.exists(), reason=f"there is no test corpus at {MANIFEST.parent}"
                ),
            ],
        ),
    ],
)
def test_no_file_name_decides_a_path_a_header_or_a_command(
    server: Server, way: str, names: Callable[[], list[bytes]]
) -> None:
    """It is shown and offered for download as one quoted word; all else ignores it."""
    content = picture(33)
    until((server.data_dir / "last-run").exists)  # the service writes it soon after its start
    before = {path for path in server.data_dir.rglob("*") if path.is_file()}

    for name in names():
        if way == "query":
            target = f"/images?filename={quote(name)}"
            answer = server.client.post(target, content=content)
        else:
            quoted = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            part = file_part(content, b'name="file"; filename="%s"' % quoted)
            answer = post_multipart(server, multipart(part))
        assert answer.status_code < 500, (name, answer.text)
        if answer.status_code != 201:  # a bare newline ends the header, and garbles the rest
            assert b"\0" in name or b"\n" in name or len(name) > 4000, (name, answer.text)
            continue
        image = answer.json()
        assert_is_harmless(image["filename"])
        get = f"GET {image['urls']['original']}?download=1 HTTP/1.1\r\nHost: [::1]\r\n\r\n"
        assert_is_one_safe_header(send_raw(server, get.encode()))

    after = {path for path in server.data_dir.rglob("*") if path.is_file()}
    assert {path.parent.parent.parent.name for path in after - before} <= {"blobs", "data"}
    assert all(STORED.fullmatch(path.name) for path in after - before)
    assert list(Path("/tmp").glob("corpus_pwned*")) == []


def assert_is_harmless(name: str) -> None:
    """One word without directories, control characters or marks that reorder it."""
    assert len(name) <= 255
    assert not re.search(r"[/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", name), name
    assert name not in {".", ".."}


def assert_is_one_safe_header(answer: RawAnswer | None) -> None:
    """Exactly one Content-Disposition, of a form that no name can break out of."""
    assert answer is not None
    assert answer.status == 200
    dispositions = answer.all("content-disposition")
    assert len(dispositions) == 1
    token = r"[ !#-\[\]-~]*"
    plain = rf'attachment; filename="{token}\.jpg"'
    assert re.fullmatch(plain + r"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", dispositions[0])
    assert answer.all("set-cookie") == []
