"""Only the public Internet may be connected to, however an address is written."""

import ipaddress

import pytest

from modeltrain.importing.ip_addresses import is_permitted

PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.8.8.8", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00:ec2::254", "fec0::1"],
    "Amazon, Google (metadata.google.internal) and others": ["169.254.169.254", "fd00:ec2::254"],
    "Google's IPv6": ["fd20:ce::254"],
    "Amazon's containers": ["169.254.170.2", "fd00:ec2::23"],
    "Azure": [
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "64:ff9b::a83f:8110",
        "fe80::1234:5678:9abc",
    ],
    "Alibaba": ["100.100.100.200"],
    "Tencent": ["169.254.0.23"],
    "Oracle": ["192.0.0.192"],
    "IBM": ["161.26.0.10", "166.9.1.1"],
    "link-local": ["fe80::1", "fe80::1%eth0"],
    "this network": ["0.0.0.0", "::"],
    "multicast and reserved": ["224.0.0.1", "ff0e::1", "255.255.255.255", "240.0.0.1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe"],
    "compatible": ["::127.0.0.1", "::7f00:1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1"],
    "Teredo": ["2001:0:7f00:1::"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1"],
    "documentation": ["192.0.2.1", "2001:db8::1", "198.18.0.1"],
    "no address": ["", "localhost", "2130706433", "0x7f.1", "/run/socket"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_is_permitted(address):
    assert is_permitted(address)


@pytest.mark.parametrize("address", [address for kind in NOT_PUBLIC.values() for address in kind])
def test_other_addresses_are_not_permitted(address):
    assert not is_permitted(address)


def test_an_allowed_network_permits_only_its_own_addresses():
    address = "10.1.2.3"
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    assert is_permitted(address, allowed)
    assert is_permitted(f"::ffff:{address}", allowed)
    assert is_permitted(f"64:ff9b::{address}", allowed)
    assert not is_permitted("10.2.0.1", allowed)
    assert not is_permitted("127.0.0.1", allowed)
    assert not is_permitted("::1", allowed)
    assert is_permitted("8.8.8.8", allowed)
