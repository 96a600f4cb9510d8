import pytest
from django.test import RequestFactory

from nsfwsite.throttle import address_of


def address(peer: str = "10.0.0.1", forwarded: str = "") -> str:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


def test_without_proxies_a_visitor_cannot_choose_an_address() -> None:
    assert address(forwarded="1.2.3.4") == "10.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_only_addresses_from_trusted_proxies_count(settings, proxies, forwarded, expected) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address(forwarded=forwarded) == expected


def test_a_household_with_endless_addresses_is_counted_once() -> None:
    assert (
        address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9") != address("2001:db8:1:3::1")
    )
    assert address("::ffff:203.0.113.9") == address("203.0.113.9") != address("::ffff:203.0.113.10")
