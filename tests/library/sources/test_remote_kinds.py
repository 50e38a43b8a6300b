"""Buckets, index pages and feeds as sources: what is listed, and what is not."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from imagesvc.errors import InvalidRequest, SourceUnavailable
from imagesvc.library.importing.intake import ChangedWhileRead
from imagesvc.library.sources.bucket import BucketReader
from imagesvc.library.sources.feed import pictures_of
from imagesvc.library.sources.index import listed
from imagesvc.library.sources.readers import Readers
from imagesvc.model.sources import SourceKind
from imagesvc.outbound.addresses import is_public
from imagesvc.outbound.source import Page, Source, SourceRules
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.objects.opening import open_bucket
from tests.library.importing.test_sidecars import BOMB
from tests.library.sources.test_scanner import source_of
from tests.s3 import make_bucket, s3_server

BASE = "https://files.example.org/photos/"
NGINX = """<html><body><h1>Index of /photos/</h1><hr><pre>
<a href="../">../</a>
<a href="sea/">sea/</a>                     14-Jul-2019 18:20       -
<a href="a%20b.jpg">a b.jpg</a>             14-Jul-2019 18:20   12345
<a href="notes.txt">notes.txt</a>           14-Jul-2019 18:20      12
</pre></body></html>"""
APACHE = """<table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td><td>&nbsp;</td></tr>
<tr><td><a href="/photos/c.PNG">c.PNG</a></td><td>2019-07-14 18:20  </td><td>12K</td></tr>
<tr><td><a href="https://other.example.org/photos/d.jpg">d</a></td></tr>
<tr><td><a href="%2e%2e/%2e%2e/e.jpg">e</a></td></tr><tr><td><a href="http://[/f.jpg">f</a></td></tr>
<tr><td><a href=".g.jpg">g</a></td></tr></table>"""
RSS = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Blog</title>
<item><title>Sea</title><enclosure url="/a.jpg" type="image/jpeg" length="1"/></item>
<item><title>Talk</title><enclosure url="/a.mp3" type="audio/mpeg" length="1"/></item>
<item><media:content url="https://img.example.org/b?id=2" medium="image"/></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>
<entry><title>Hill</title><link rel="alternate" href="/hill.jpg"/>
<link rel="enclosure" href="c%20d.png"/></entry></feed>"""


def page(body: str | bytes) -> Page:
    """A page of the server."""
    return Page(BASE, body if isinstance(body, bytes) else body.encode(), {})


def test_index_pages() -> None:
    """Links below the page only; what follows a link tells whether its file has changed."""
    entries, folders = listed(page(NGINX), BASE)

    assert folders == {f"{BASE}sea/"}
    assert {name: entry.mark for name, entry in entries.items()} == {
        "a%20b.jpg": "14-Jul-2019 18:20 12345"
    }
    entries, folders = listed(page(APACHE), BASE)
    assert (folders, {name: entry.mark for name, entry in entries.items()}) == (
        set(),
        {"c.PNG": "2019-07-14 18:20 12K"},
    )


def test_feeds() -> None:
    """Enclosures and media of RSS and Atom that are pictures, with the titles of their entries."""
    assert {url: entry.facts.title for url, entry in pictures_of(page(RSS)).items()} == {
        "https://files.example.org/a.jpg": "Sea",
        "https://img.example.org/b?id=2": "",
    }
    (picture,) = pictures_of(page(ATOM)).values()
    assert (picture.path, picture.facts.title) == (f"{BASE}c%20d.png", "Hill")
    assert picture.facts.filename == "c d.png"


@pytest.mark.parametrize("body", [BOMB, b"<html/>", b"", b"{}"])
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    """Also XML with entities."""
    with pytest.raises(SourceUnavailable, match="not a feed"):
        pictures_of(page(body))


def test_addresses_that_are_none_are_left_out() -> None:
    """Also markup that only programs that mean harm write."""
    items = "".join(
        f'<item><enclosure url="{url}"/></item>'
        for url in ("http://[a.jpg", f"/{'b' * 2_000}.jpg", "c.jpg")
    )
    assert [*pictures_of(page(f"<rss>{items}</rss>"))] == ["https://files.example.org/photos/c.jpg"]

    links = f'<![foo[bar]]><!-- <a href="d.jpg">d</a> --><a href="{"e" * 2_000}.jpg">e</a>'
    odd = f"{links}<A title=x HREF='f&amp;g.jpg'>f</A> 1 <a href=h.jpg>h</a><a href="
    entries, folders = listed(page(odd), BASE)
    assert (folders, {name: entry.mark for name, entry in entries.items()}) == (
        set(),
        {"f&g.jpg": "1", "h.jpg": ""},
    )


@pytest.mark.parametrize(
    "body",
    [
        "<rss>" + "<item>" * 6_000 + "</item>" * 6_000 + "</rss>",
        "<rss>" + "<item/>" * 250_000 + "</rss>",
    ],
)
def test_large_feeds_are_refused(body: str) -> None:
    """Deep ones, and those with very many elements."""
    with pytest.raises(SourceUnavailable, match="elements"):
        pictures_of(page(body))


@pytest.mark.parametrize("piece", ["<a ", "<a href=", '<a href="', "<!--", "<!-- -->", "<a/href ="])
def test_a_page_takes_time_as_its_length(piece: str) -> None:
    """Four times the length takes about four times as long, and not sixteen times."""

    def seconds(number: int) -> float:
        text = page(piece * number)
        began = time.process_time()
        listed(text, BASE)
        return time.process_time() - began

    short = min(seconds(10_000) for _ in range(3))
    assert min(seconds(40_000) for _ in range(3)) < 9 * short + 0.01


def test_a_page_of_too_many_links_is_refused() -> None:
    """Rather than read for seconds."""
    with pytest.raises(SourceUnavailable, match="too many links"):
        listed(page("<a>" * 500_001), BASE)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://127.0.0.1", "no public address"),
        ("https://192.88.99.1:8911", "one of these ports"),
        ("http://1.1.1.1", "begins with https://"),
        ("http://127.0.0.1:9000", None),
        ("https://1.1.1.1", None),
    ],
)
async def test_the_service_of_a_bucket_passes_the_rules_of_urls(
    endpoint: str, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the source is made, and at each look; that of the environment may be any."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/")
    rules = SourceRules(is_public, frozenset({80, 443}), 1, 1, "test")
    readers = Readers((), checkpoint, Source(rules))
    source = replace(
        source_of(Path(), kind=SourceKind.S3),
        address=f"s3://photos?endpoint={endpoint}&region=auto",
    )

    if reason is None:
        await readers.check(source)
        return
    with pytest.raises(InvalidRequest, match=f"^address .*{reason}"):
        await readers.check(source)
    with pytest.raises(InvalidRequest, match=reason):
        await readers.reader_of(source).look({})
    with pytest.raises(InvalidRequest, match="allow_url_import"):
        Readers((), checkpoint).reader_of(source)


@pytest.mark.anyio
async def test_a_bucket(tmp_path: Path) -> None:
    """Objects below the prefix; an object with another content has another mark."""
    data_dir = DataDir(tmp_path)
    data_dir.create()
    incoming = Incoming(data_dir, max_bytes=100, min_free_bytes=0)
    with s3_server() as endpoint:
        bucket = open_bucket(make_bucket(endpoint, "photos", "in"))
        for key in ("a/1.jpg", "a/.2.jpg", "3.txt", "4.png"):
            await bucket.put(key, key.encode())
        reader = BucketReader(lambda: nullcontext(bucket))

        first = (await reader.look({})).entries
        await bucket.put("4.png", b"other")
        second = (await reader.look({})).entries
        async with incoming.receive() as file:
            await reader.fill(second["a/1.jpg"], file)
            await file.finish()
            content = file.path.read_bytes()
        await bucket.delete(["4.png"])
        async with incoming.receive() as file:
            with pytest.raises(ChangedWhileRead):
                await reader.fill(second["4.png"], file)

    assert first.keys() == {"a/1.jpg", "4.png"}
    assert content == b"a/1.jpg"
    assert first["a/1.jpg"] == second["a/1.jpg"]
    assert first["4.png"].mark != second["4.png"].mark
    assert first["4.png"].facts.taken_at is not None
