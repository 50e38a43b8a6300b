"""Which addresses images may be fetched from, so that no URL reaches internal hosts."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host on this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, as its machines see it
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112 sinks
        "192.52.193.0/24",  # multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112 sinks
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, deprecated: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112 sinks
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper halves of interface identifiers whose lower half is an IPv4 address (RFC 5214)."""


def plain(address: Address) -> Address:
    """The address that a connection goes to: an IPv4-mapped one is its IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """Whether the address is public, so that users may have it fetched.

    Tunnels and translators carry an IPv4 address within an IPv6 one. Where the Internet still uses
    them (NAT64, ISATAP), the embedded address has to be public, too; IPv4-compatible, local NAT64
    (64:ff9b:1::/48), 6to4 and Teredo addresses are refused.

    Source: IANA IPv4 and IPv6 Special-Purpose Address Registries. They are listed here, since the
    data of `ipaddress` depends on the version of Python; both must agree.
    """
    address = plain(address)
    if isinstance(address, IPv4Address):
        return _is_ordinary(address) and not any(address in network for network in SPECIAL_IPV4)
    if address in NAT64:
        return is_public(_low_half(address))
    if address not in GLOBAL_UNICAST or any(address in network for network in SPECIAL_IPV6):
        return False
    if (int(address) >> 32) & 0xFFFF_FFFF in ISATAP and not is_public(_low_half(address)):
        return False
    return _is_ordinary(address) and address.scope_id is None


def is_allowed(address: Address, extra: Iterable[Network]) -> bool:
    """Whether an address is public, or lies in a network that the operator allows as well."""
    address = plain(address)
    return is_public(address) or any(address in network for network in extra)


def literal(host: str) -> Address | None:
    """The address of a host that is an IP address; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_ordinary(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _low_half(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
