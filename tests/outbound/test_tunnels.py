"""Proxies of libraries that look names up and follow redirects themselves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from anyio.lowlevel import checkpoint

from imagesvc.errors import Unavailable
from imagesvc.library.sources.readers import Readers
from imagesvc.model.sources import SourceKind
from imagesvc.outbound.tunnels import tunnel
from tests.library.sources.test_scanner import source_of as row_of
from tests.outbound.test_source import HERE, Names, source_of
from tests.remote import Remote, answered, redirected
from tests.s3 import CREDENTIALS

pytestmark = pytest.mark.anyio
HOST = "localhost"


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Remote]]:
    """Two HTTPS servers that the library trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with contextlib.ExitStack() as stack:
        remotes = []
        for _ in range(2):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(HOST).configure_cert(context)
            remotes.append(Remote(context=context))
            stack.callback(remotes[-1].close)
        yield remotes


async def asked(url: str, authority: str, *, credentials: str = "") -> bytes:
    """The first line of a proxy's answer."""
    proxy = urlsplit(url)
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port)
    try:
        writer.write(f"CONNECT {authority} HTTP/1.1\r\n{credentials}\r\n".encode())
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_tunnel_leads_to_one_place(services: list[Remote]) -> None:
    """No other host or port, and only with the secret."""
    service, other = services
    authority = f"{HOST}:{service.port}"
    place = await source_of(service, Names(localhost=[[HERE]])).check(f"https://{authority}")

    async with tunnel(place) as url:
        user = urlsplit(url).netloc.rpartition("@")[0].encode()
        credentials = f"Proxy-Authorization: Basic {base64.b64encode(user).decode()}\r\n"
        assert b" 407 " in await asked(url, authority)
        assert b" 403 " in await asked(url, f"{HOST}:{other.port}", credentials=credentials)
        assert b" 403 " in await asked(url, f"127.0.0.1:{service.port}", credentials=credentials)
        assert b" 200 " in await asked(url, authority, credentials=credentials)

    with pytest.raises(OSError, match="Connect call failed"):
        await asked(url, authority)


async def test_a_bucket_that_redirects_leads_to_no_other_service(services: list[Remote]) -> None:
    """Not even to one whose certificate is valid."""
    service, inside = services
    listing = (
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents>'
        b"<Key>a.jpg</Key><Size>7</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        b'<ETag>"x"</ETag></Contents></ListBucketResult>'
    )
    service.answers["/public"] = answered(listing)
    service.answers["/photos"] = redirected(f"https://{HOST}:{inside.port}/photos")
    readers = Readers((), checkpoint, source_of(service, Names(localhost=[[HERE]])))
    row = row_of(Path(), kind=SourceKind.S3)
    options = f"endpoint=https://{HOST}:{service.port}&region=auto"
    public = replace(row, address=f"s3://public?{options}")
    photos = replace(row, address=f"s3://photos?{options}")

    look = await readers.reader_of(public).look({})
    with pytest.raises(Unavailable):
        await readers.reader_of(photos).look({})

    assert look is not None
    assert look.entries.keys() == {"a.jpg"}
    assert any("/photos" in request for request in service.requests)
    assert inside.names == []
    assert inside.requests == []
