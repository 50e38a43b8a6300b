"""Prefixes of paths, and the settings for them."""

from __future__ import annotations

import pytest
from starlette.types import Receive, Scope, Send

from imagesvc.cli.loading import load_settings
from imagesvc.server.middleware.base_path import BasePathMiddleware
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import SettingsError
from imagesvc.syntax.prefixes import prefix_of
from imagesvc.syntax.url_bases import BASE, ORIGIN, PREFIX

PATHS = ("/", "/images", "/images/{image_id}", "/api/v1/images", "/healthz")


async def _app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that does nothing."""


def corrected(prefix: str, path: str, base_url: str | None = None, **reported: str) -> Scope:
    """The scope of a request for a path, as the routes get it."""
    base = prefix if base_url is None else base_url
    middleware = BasePathMiddleware(_app, prefix, base, PATHS)
    return middleware.corrected({"type": "http", "path": path, **reported})


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("/media", "/media"),
        ("/media/", "/media"),
        ("/a/b-c_d.e~f", "/a/b-c_d.e~f"),
        ("", None),
        ("/", None),
        ("media", None),
        ("//media", None),
        ("/media//", None),
        ("/a/../b", None),
        ("/.", None),
        ("/a\n", None),
        ("/a\r\nb: c", None),
        ("/a%2f", None),
        ("/ä", None),
        ("/" + 255 * "a", None),
    ],
)
def test_a_prefix_is_plain_segments(text: str, prefix: str | None) -> None:
    """A prefix that could be ambiguous, or name another host, is refused."""
    assert prefix_of(text) == prefix


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("/media", "/media/images/1", "/images/1"),
        ("/media", "/images/1", "/images/1"),
        ("/media", "/media", "/"),
        ("/media", "/media/", "/"),
        ("/media", "/mediaimages/1", "/mediaimages/1"),
        ("/media", "/media/other", "/media/other"),
        ("/media", "/media//images", "/media//images"),
        ("/media", "/media/media/images", "/media/media/images"),
        ("/images", "/images/1", "/images/1"),
        ("/images", "/images", "/images"),
        ("/images", "/images/images/1", "/images/1"),
        ("/api", "/api/v1/images", "/api/v1/images"),
        ("/api", "/api/api/v1/images", "/api/v1/images"),
        ("/api/v1", "/api/v1/api/v1/images", "/api/v1/images"),
        ("", "/images/1", "/images/1"),
    ],
)
def test_the_prefix_is_removed_if_a_route_follows(prefix: str, path: str, expected: str) -> None:
    """Otherwise a proxy has already removed it, or the path does not exist."""
    assert corrected(prefix, path)["path"] == expected


def test_the_public_url_precedes_the_proxys_prefix_which_precedes_the_base_path() -> None:
    """The scope has the prefix of URLs."""
    reported = {PREFIX: "/said", ORIGIN: "https://a.example"}

    by_proxy = corrected("/media", "/said/images/1", **reported)
    by_settings = corrected("/media", "/images/1", "https://b.example/media", **reported)

    assert (by_proxy[BASE], by_proxy[ORIGIN]) == ("/said", "https://a.example")
    assert by_proxy["path"] == "/images/1"
    assert by_settings[BASE] == "https://b.example/media"
    assert ORIGIN not in by_settings


@pytest.mark.parametrize(
    ("settings", "prefix", "base_url"),
    [
        ({}, "", ""),
        ({"base_path": "/media/"}, "/media", "/media"),
        ({"public_url": "https://a.example/"}, "", "https://a.example"),
        ({"public_url": "http://[::1]:8000/m/"}, "/m", "http://[::1]:8000/m"),
        (
            {"public_url": "https://a.example/m", "base_path": "/inner"},
            "/inner",
            "https://a.example/m",
        ),
    ],
)
def test_a_path_of_the_public_url_is_the_base_path(
    settings: dict[str, str], prefix: str, base_url: str
) -> None:
    """It can be overridden for a proxy that changes the path."""
    loaded = Settings(**settings)  # type: ignore[arg-type]  # of texts

    assert (loaded.prefix, loaded.base_url) == (prefix, base_url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_path", "media"),
        ("base_path", "//media"),
        ("base_path", "/a/../b"),
        ("public_url", "img.example"),
        ("public_url", "ftp://img.example"),
        ("public_url", "https://user@img.example"),
        ("public_url", "https://"),
        ("public_url", "https://img.example/a?b"),
        ("public_url", "https://img.example/a#b"),
        ("public_url", "https://img.example//a"),
        ("public_url", "https://img.example/a b"),
        ("public_url", "https://img.example:port"),
    ],
)
def test_invalid_paths_and_urls_in_settings_are_named(name: str, value: str) -> None:
    """The error has the expected form."""
    with pytest.raises(SettingsError, match=f"{name}: .*must be"):
        load_settings(**{name: value})
