"""Which addresses are public, and how internal ones can be disguised."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.outbound.addresses import SPECIAL_IPV4, is_allowed, is_public

INSIDE_IPV4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.7",
    "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.9", "203.0.113.5",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
]  # fmt: skip
INSIDE_IPV6 = [
    "::", "::1", "::2", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1", "2001:2::1", "2001:10::1", "2001:20::1",
    "2620:4f:8000::1", "4000::1", "5f00::1", "64:ff9b:1::808:808", "2001:4860::1%eth0",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
    "126.255.255.255", "128.0.0.1", "168.63.129.15", "172.15.255.255", "172.32.0.1", "192.0.1.1",
    "192.167.255.255", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2001:4860:4860::8888",
    "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip
WRAPPINGS = {
    "IPv4-mapped": "::ffff:{}",
    "IPv4-compatible": "::{}",
    "IPv4-translated": "::ffff:0:{}",
    "NAT64": "64:ff9b::{}",
    "local NAT64": "64:ff9b:1::{}",
    "ISATAP": "2a00:1450:4001:800:0:5efe:{}",
    "ISATAP, global": "2a00:1450:4001:800:200:5efe:{}",
}
ipv4 = st.builds(IPv4Address, st.integers(0, 2**32 - 1))
ipv6 = st.builds(IPv6Address, st.integers(0, 2**128 - 1))


def test_an_address_that_is_not_for_everyone_is_not_public() -> None:
    """Metadata services, neighbours and the machine itself are never requested."""
    assert [text for text in INSIDE_IPV4 + INSIDE_IPV6 if is_public(ip_address(text))] == []


def test_an_address_that_anyone_may_reach_is_public() -> None:
    """The boundaries of each network are correct."""
    assert [text for text in OUTSIDE if not is_public(ip_address(text))] == []


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS)
def test_an_inside_address_within_another_is_found(wrapping: str) -> None:
    """Tunnels and translators would forward the connection to the embedded address."""
    wrapped = [wrapping.format(text) for text in INSIDE_IPV4]

    assert [text for text in wrapped if is_public(ip_address(text))] == []


@given(ipv4)
def test_addresses_of_deprecated_tunnels_are_not_public(within: IPv4Address) -> None:
    """6to4 and Teredo carry any IPv4 address, and no image is there."""
    six_to_four = IPv6Address((0x2002 << 112) | (int(within) << 80) | 1)
    teredo = IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (int(within) ^ 0xFFFFFFFF))

    assert not is_public(six_to_four)
    assert not is_public(teredo)


@given(ipv4, st.sampled_from(["::ffff:{}", "64:ff9b::{}", "2a00:1450::5efe:{}"]))
def test_a_wrapped_address_is_public_only_if_the_one_within_is(
    within: IPv4Address, wrapping: str
) -> None:
    """Wrapping makes no address public."""
    assert is_public(IPv6Address(wrapping.format(within))) == is_public(within)


@given(st.sampled_from(SPECIAL_IPV4).flatmap(
    lambda network: st.builds(
        IPv4Address, st.integers(int(network[0]), int(network[-1]))
    )
))  # fmt: skip
def test_no_address_of_a_special_network_is_public(address: IPv4Address) -> None:
    """This includes the first, the last and all between."""
    assert not is_public(address)


@given(ipv4 | ipv6)
def test_a_public_address_is_global_to_python_too(address: IPv4Address | IPv6Address) -> None:
    """Our list only excludes further addresses."""
    if is_public(address):
        assert address.is_global or address in IPv6Network("::ffff:0:0/96")
        assert not address.is_private or address in IPv6Network("::ffff:0:0/96")


def test_an_allowed_network_allows_only_itself() -> None:
    """An allowed subnet allows neither addresses that wrap it, nor its neighbours."""
    extra = [ip_network("10.1.2.0/24"), ip_network("fd12::/16")]

    allowed = [
        text
        for text in (
            "10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8",
            "10.1.3.1", "64:ff9b::10.1.2.3", "fd13::1", "127.0.0.1", "::1",
        )
        if is_allowed(ip_address(text), extra)
    ]  # fmt: skip

    assert allowed == ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8"]


def test_without_allowed_networks_only_public_addresses_are_allowed() -> None:
    """The default allows no internal address."""
    assert not is_allowed(IPv4Address("127.0.0.1"), ())
    assert not is_allowed(IPv4Address("127.0.0.1"), [IPv4Network("10.0.0.0/8")])
