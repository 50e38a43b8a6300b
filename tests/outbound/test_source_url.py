"""URLs of sources have exactly one reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.outbound.source_url import parse_source_url

PORTS = frozenset({80, 443, 8080})
REFUSED = [
    "", "example.com/a.jpg", "//example.com/a.jpg", "/a.jpg", "ftp://example.com/a.jpg",
    "file:///etc/passwd", "gopher://example.com/", "data:image/png;base64,AA", "http:a.jpg",
    "http:/example.com/", "http:///a.jpg", "http://", "https://:443/", "http://?a",
    "http://user@example.com/", "http://user:pass@example.com/", "http://@example.com/",
    "http://example.com#@127.0.0.1/", "http://example.com/#", "http://example.com/a#b",
    "http://example.com\\@127.0.0.1/", "http:\\\\example.com\\", "http://example.com/a\\b",
    "http://exam\tple.com/", "http://example.com/\r\nHost: inside", "http://example.com/a b",
    " http://example.com/", "http://example.com/ ", "http://example.com/\x00", "\x01http://a.de/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
    "http://017700000001/", "http://127.1/", "http://127.0.0.01/", "http://127.0.0.1.5/",
    "http://127.0.0.256/", "http://1/", "http://a.0x/", "http://a.1/", "http://127.0.0.1./",
    "http://example.com./", "http://.example.com/", "http://example..com/", "http://./",
    "http://-a.de/", "http://a-.de/", "http://%65xample.com/", "http://exa%00mple.com/",
    "http://münchen.de/", "http://①②⑦.0.0.1/", "http://127。0。0。1/", "http://exa$mple.com/",
    "http://[::1/", "http://::1/", "http://[::1]x/", "http://[::1]x:80/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/", "http://[v1.a]/", "http://[127.0.0.1]/", "http://a[::1]/",
    "http://example.com:22/", "http://example.com:0/", "http://example.com:65536/",
    "http://example.com:-80/", "http://example.com:+80/", "http://example.com:80:80/",
    "http://example.com:\uff18\uff10/", "http://example.com:999999999999999999/",
    "http://" + "a" * 64 + ".de/",
    "http://" + "a." * 130 + "de/", "http://example.com/" + "a" * 5000,
]  # fmt: skip
READ = {
    "http://example.com": ("http://example.com/", "example.com", 80),
    "HTTPS://Example.COM/A?b=C": ("https://example.com/A?b=C", "example.com", 443),
    "http://example.com:/": ("http://example.com/", "example.com", 80),
    "http://example.com:080/": ("http://example.com/", "example.com", 80),
    "https://example.com:80/": ("https://example.com:80/", "example.com", 80),
    "http://xn--mnchen-3ya.de/ü.jpg?q=é": (
        "http://xn--mnchen-3ya.de/%C3%BC.jpg?q=%C3%A9", "xn--mnchen-3ya.de", 80,
    ),
    "http://a_b.example/%2F%zz/..": ("http://a_b.example/%2F%zz/..", "a_b.example", 80),
    "http://93.184.216.34:8080/": ("http://93.184.216.34:8080/", "93.184.216.34", 8080),
    "http://[2606:4700:0::1111]/": ("http://[2606:4700::1111]/", "2606:4700::1111", 80),
    "http://[::ffff:1.2.3.4]:443/": ("http://[::ffff:1.2.3.4]:443/", "::ffff:1.2.3.4", 443),
    "http://[::ffff:102:304]:443/": ("http://[::ffff:1.2.3.4]:443/", "::ffff:1.2.3.4", 443),
    "http://h/a|b<c>'\"": ("http://h/a|b%3Cc%3E'%22", "h", 80),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_a_url_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    """Parsers disagree about URLs that a browser or a C library would correct."""
    with pytest.raises(ValueError, match=r"^(must|may|is) "):
        parse_source_url(text, ports=PORTS)


@pytest.mark.parametrize("text", ["http://a@b.de/", "http://a:b@b.de/", "http://:@b.de/"])
def test_credentials_in_a_url_are_named_as_the_error(text: str) -> None:
    """They would be stored in logs and rows."""
    with pytest.raises(ValueError, match="must not contain a user name or password"):
        parse_source_url(text, ports=PORTS)


@pytest.mark.parametrize("text", READ)
def test_a_plain_url_is_read(text: str) -> None:
    """Default ports, letter case and letters beyond ASCII in the path are normalized."""
    url = parse_source_url(text, ports=PORTS)

    assert (str(url), url.host, url.port) == READ[text]


@given(st.text() | st.text(alphabet="htps:/.@[]#%?\\ 017x:a\t").map("http://{}".format))
def test_parsing_is_idempotent(text: str) -> None:
    """The requested form is itself accepted, and has no way to bypass the check of the host."""
    try:
        url = parse_source_url(text, ports=PORTS)
    except ValueError:
        return

    assert parse_source_url(str(url), ports=PORTS) == url
    assert str(url).isascii()
    assert not set("@\\ \r\n\t/#") & set(url.authority)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http://h/a/b%20c.jpg?x=y/z", "b c.jpg"),
        ("http://h/", ""),
        ("http://h/%C3%BC.png", "ü.png"),
        ("http://h/a%2F..%2Fb.png", "a/../b.png"),
    ],
)
def test_the_name_is_the_last_segment_decoded(text: str, name: str) -> None:
    """It is only for display; no path is made from it."""
    assert parse_source_url(text, ports=PORTS).filename == name
