"""What sidecars say of files: XMP, and JSON of Google Takeout, also hostile ones."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import pytest

from imagesvc.cli.importing.items import Description
from imagesvc.cli.uploads.files import FoundFile
from imagesvc.library.importing.facts import Facts, UnreadableSidecar, tags_from
from imagesvc.library.importing.sidecars import MAX_BYTES, Sidecars
from imagesvc.library.importing.takeout import facts_of_takeout, sidecar_names
from imagesvc.library.importing.templates import InvalidTemplate, Spot, Template
from imagesvc.library.importing.xmp import facts_of_xmp
from imagesvc.model.ids import Digest

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:CreateDate="2001-01-01T00:00:00" exif:GPSLatitude="33,51,54.0S" {more}>
   <exif:GPSLongitude>151,12.6E</exif:GPSLongitude>
   <exif:DateTimeOriginal>2019-07-14T18:20:00.25+02:00</exif:DateTimeOriginal>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Bondi</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li>At the beach</rdf:li></rdf:Alt></dc:description>
   <dc:subject><rdf:Bag><rdf:li>sea, sand</rdf:li><rdf:li>surf</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta><?xpacket end="w"?>"""
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


def takeout(title: str, **members: object) -> bytes:
    """A JSON sidecar."""
    return json.dumps({"title": title, "photoTakenTime": {"timestamp": "0"}, **members}).encode()


def test_what_xmp_says() -> None:
    """Attributes and elements; the time of the shot is better than that of the file."""
    facts = facts_of_xmp(XMP.format(more="").encode())

    assert facts == Facts(
        title="Bondi",
        description="At the beach",
        tags=("sea  sand", "surf"),
        taken_at="2019-07-14T18:20:00",
        place={"latitude": -33.865, "longitude": 151.21},
    )


@pytest.mark.parametrize(
    "more",
    [
        'exif:GPSAltitude="1/0"',
        'exif:GPSAltitude="nan"',
        'exif:GPSAltitude="1e400/1"',
        'exif:GPSAltitude="1_0/1"',
        'exif:GPSAltitude="\u0663/1"',
        'xmp:Rating="x"',
    ],
)
def test_impossible_values_are_left_out(more: str) -> None:
    """Everything else of the sidecar is used."""
    facts = facts_of_xmp(XMP.format(more=more).encode())

    assert facts.place == {"latitude": -33.865, "longitude": 151.21}


@pytest.mark.parametrize(
    "body",
    [
        "<rdf:Description><rdf:li>" * 12_000 + "</rdf:li></rdf:Description>" * 12_000,
        "<a/>" * 900_000,
    ],
    ids=["in each other", "beside each other"],
)
def test_a_sidecar_of_too_many_elements_is_refused(body: str) -> None:
    """Lists in each other once took six seconds, and a million elements 100 MB."""
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    began = time.thread_time()

    with pytest.raises(UnreadableSidecar, match="more than 100,000 elements"):
        facts_of_xmp(f"<rdf:RDF {rdf}>{body}</rdf:RDF>".encode())

    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        OUTSIDE,
        b"<!DOCTYPE x><x/>",
        b"",
        b"<x>",
        b"\xff\xfe",
        b'<?xml version="1.0" encoding="no"?><x/>',
    ],
)
def test_hostile_xml_is_refused(data: bytes) -> None:
    """No entity is expanded, and no file is read."""
    with pytest.raises(UnreadableSidecar):
        facts_of_xmp(data)


@pytest.fixture
def in_japan() -> Iterator[None]:
    """Local time is nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_japan")
def test_what_takeout_says() -> None:
    """Times are local, people become tags, and a place of 0, 0 is none."""
    geo = {"latitude": 54.18, "longitude": 7.89, "altitude": 4.0}
    facts = facts_of_takeout(
        takeout(
            "IMG.jpg",
            description="Cliff #rock",
            people=[{"name": "Ada"}, {"name": None}, 3],
            photoTakenTime={"timestamp": "1563121200"},
            geoData={"latitude": 0.0, "longitude": 0.0},
            geoDataExif=geo,
        )
    )

    assert facts is not None
    assert facts.taken_at == "2019-07-15T01:20:00"
    assert (facts.tags, facts.place, facts.filename) == (("Ada",), geo, "IMG.jpg")
    assert facts_of_takeout(b'{"title": "Album"}') is None
    for wrong in ("9" * 30, "1_563", "\u0663", True, 1.5e9, None):
        assert facts_of_takeout(takeout("a", photoTakenTime={"timestamp": wrong})) == Facts(
            filename="a"
        )


@pytest.mark.parametrize(
    "data",
    [b"[" * 200_000, b"{", b"\xff", b"9" * 10_000, b"[" + b"{}," * 400_000 + b"{}]"],
    ids=len,
)
def test_hostile_json_is_refused(data: bytes) -> None:
    """Deep nesting and long numbers are errors, not crashes; many objects would take memory."""
    with pytest.raises(UnreadableSidecar):
        facts_of_takeout(data)


@pytest.mark.parametrize(
    ("name", "sidecar"),
    [
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG.jpg", "IMG.jpg.json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG(1).jpg", "IMG.jpg(1).json"),
        ("IMG-edited.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG-bearbeitet(2).jpg", "IMG.jpg.supplemental-metadata(2).json"),
        (f"{'a' * 30}.jpg", f"{'a' * 30}.jpg.supplementa.json"),
    ],
)  # fmt: skip
def test_names_of_takeouts_sidecars(name: str, sidecar: str) -> None:
    """They have 51 characters at most; numbers come last, and edited copies have the original's."""
    assert sidecar in set(sidecar_names(name))
    assert all(len(name) <= 51 or "(" in name for name in sidecar_names(name))


def test_sidecars_in_a_folder(tmp_path: Path) -> None:
    """XMP is stronger than JSON, which is found by its title where its name has no rule."""
    long = "a" * 60
    (tmp_path / "a.JPG.XMP").write_text(XMP.format(more=""))
    (tmp_path / "a.JPG.json").write_bytes(takeout("a.JPG", description="not this"))
    (tmp_path / "strange.json").write_bytes(takeout(f"{long}.jpg", description="by title"))
    (tmp_path / "bad.jpg.xmp").write_bytes(BOMB)
    (tmp_path / "huge.jpg.json").write_bytes(takeout("x.jpg") + b" " * MAX_BYTES)
    os.mkfifo(tmp_path / "pipe.jpg.xmp")
    sidecars = Sidecars()

    found = {
        name: sidecars.facts_of(tmp_path / name)
        for name in ("a.JPG", f"{'a' * 47}.jpg", "bad.jpg", "huge.jpg", "pipe.jpg")
    }

    assert found["a.JPG"].description == "At the beach"
    assert found["a.JPG"].filename == "a.JPG"
    assert found[f"{'a' * 47}.jpg"] == Facts(
        description="by title", filename=f"{long}.jpg",
        taken_at=found[f"{'a' * 47}.jpg"].taken_at,
    )  # fmt: skip
    assert [found[name] for name in ("bad.jpg", "huge.jpg", "pipe.jpg")] == [Facts()] * 3
    assert {fault.partition(": ")[0] for fault in sidecars.faults} == {
        str(tmp_path / "bad.jpg.xmp"),
        str(tmp_path / "huge.jpg.json"),
    }


def test_a_file_of_any_time_is_described(tmp_path: Path) -> None:
    """Also of a year that no date can have."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    for seconds in (300_000_000_000, 1_000_000_000):
        file = FoundFile(path, 1, seconds * 10**9)
        item = Description((path,), Template.parse(""), ()).item(file, Digest("0" * 64))

    assert item.taken_at.startswith("2001-09-")


def test_threads_share_sidecars(tmp_path: Path) -> None:
    """No file gets what another folder's sidecar says."""
    paths = [tmp_path / name / "a.jpg" for name in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.with_name("a.jpg.json").write_bytes(takeout("a.jpg", description=path.parent.name))
    sidecars = Sidecars()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(sidecars.facts_of, paths * 200))
    finally:
        sys.setswitchinterval(before)

    assert [facts.description for facts in found] == ["one", "two"] * 200


def test_tags_are_bounded_as_in_uploads() -> None:
    """A sidecar with too many or too long tags does not make the upload fail."""
    tags = tags_from(["a,b\x00", *(f"{number}-{'ä' * 100}" for number in range(200))])

    assert tags[0] == "a b"
    assert len(tags_from(map(str, range(200)))) == 100
    assert max(map(len, tags)) == 64
    assert len(",".join(tags).encode()) <= 5_000


def test_titles_of_collections() -> None:
    """Names in braces stand for the folder and for the date."""
    spot = Spot(PurePath("/photos/2019/Sea\n"), PurePath("2019/Sea\n"), "2019-07-14T18:20:00")

    titles = [
        Template.parse(text).title(spot)
        for text in ("{folder}", "{parent}/{folder}", "{path}", "{year}-{month}-{day}", "", "{{x}}")
    ]

    assert titles == ["Sea\\n", "2019/Sea\\n", "2019/Sea\\n", "2019-07-14", "", "{x}"]


@pytest.mark.parametrize("text", ["{", "{x}", "{folder.name}", "{folder!r}", "{year:>9999}", "{}"])
def test_bad_templates_are_refused(text: str) -> None:
    """Formats could make text of any length, and attributes could show anything."""
    with pytest.raises(InvalidTemplate):
        Template.parse(text)
