"""Hosts, as settings and URLs name them."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def split_hosts(text: str) -> list[str]:
    """The hosts of a text with commas between them."""
    return [part.strip() for part in text.split(",")]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_url(url: str) -> bool:
    """Whether data fetched from the URL cannot be changed on the way."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
