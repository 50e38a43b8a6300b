"""Hosts, as settings and URLs name them."""

from __future__ import annotations

from ipaddress import ip_address


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
