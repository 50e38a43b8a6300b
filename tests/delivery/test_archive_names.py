"""Names in ZIP files, whatever a row has as a file name."""

from __future__ import annotations

import pytest

from imagesvc.delivery.archives.names import Names, safe_stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a"), ("a.b.jpg", "a.b"), ("../x.jpg", "_x"), ("..\\..\\x.jpg", "_.._x"),
        ("/etc/passwd", "_etc_passwd"), ("C:\\x.jpg", "C__x"), ("a\0b.jpg", "a_b"),
        ("a\r\nb.jpg", "a__b"), ("\u202egpj.exe", "_gpj"), ("", "image"), ("..", "image"),
        (" . ", "image"), ("NUL.jpg", "image-NUL"), ("com1.jpg", "image-com1"),
        ("COM1.x.jpg", "image-COM1.x"),
        ("e\u0301.jpg", "\u00e9"), ("x. .jpg", "x"), ("\udcff.jpg", "_"),
    ],
)  # fmt: skip
def test_stems_are_safe(name: str, expected: str) -> None:
    """No folder, no control character, no name that a system reserves."""
    assert safe_stem(name) == expected


def test_long_names_are_cut_between_characters() -> None:
    """At 150 bytes, whatever their characters."""
    assert safe_stem("\u6d77" * 100) == "\u6d77" * 50


def test_names_are_unique_without_case() -> None:
    """Some file systems do not distinguish it."""
    names = Names()

    found = [names.unique(name, "jpg") for name in ("a.png", "A.gif", "a-2.jpg", "a.jpg", "b.jpg")]

    assert found == ["a.jpg", "A-2.jpg", "a-2-2.jpg", "a-3.jpg", "b.jpg"]


def test_many_equal_names_are_numbered_in_turn() -> None:
    """Cameras and phones name all files alike; each search for a number begins at the last one."""
    names = Names()

    found = [names.unique("image.jpg", "jpg") for _ in range(20_000)]

    assert len(set(found)) == 20_000
    assert found[-1] == "image-20000.jpg"
