"""Which IP addresses may be connected to."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL = ipaddress.ip_network("2000::/3")  # all of IPv6 that has been allocated so far
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Public by number, but answered inside a cloud. Other clouds use addresses that are private anyway.
_INSIDE_CLOUDS = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # Oracle: IANA's block for protocols
        # Azure: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # IBM: cloud.ibm.com/docs/vpc?topic=vpc-service-endpoints-for-vpc
        "161.26.0.0/16",
        "166.8.0.0/14",
    )
]


def is_permitted(address: str, allowed: Collection[Network] = ()) -> bool:
    """Say whether an address is on the public Internet or in one of the allowed networks.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) counts as the IPv4 address.

    Parameters
    ----------
    address : str
        IPv4 or IPv6, as numbers; anything else is not permitted.
    allowed : collection of IPv4Network or IPv6Network
    """
    target = _parse(address)
    return target is not None and (_is_in(target, allowed) or _is_public(target))


def is_inside(address: str, networks: Collection[Network]) -> bool:
    """Say whether an address, or the IPv4 address inside it, is in one of the networks."""
    target = _parse(address)
    return target is not None and _is_in(target, networks)


def _parse(address: str) -> _Address | None:
    try:
        return _unwrap(ipaddress.ip_address(address))
    except ValueError:
        return None


def _is_in(target: _Address, networks: Collection[Network]) -> bool:
    return any(target in network for network in networks)


def _unwrap(address: _Address) -> _Address:
    """Return the IPv4 address inside an IPv6 one, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL:
        return False
    if any(address in network for network in _INSIDE_CLOUDS):
        return False
    return address.is_global and not address.is_multicast
