import pytest
from django.test import RequestFactory

from nsfwsite.throttle import address_of


def seen(direct: str = "10.0.0.1", passed: str = "") -> str:
    headers = {"X-Forwarded-For": passed} if passed else {}
    return address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=direct))


def test_without_proxies_nobody_chooses_an_address() -> None:
    assert seen(passed="1.2.3.4") == "10.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "passed", "address"),
    [
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_saw_counts(settings, proxies, passed, address) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert seen(passed=passed) == address


def test_a_household_with_endless_addresses_is_counted_once() -> None:
    assert seen("2001:db8:1:2::1") == seen("2001:db8:1:2:ffff::9") != seen("2001:db8:1:3::1")
    assert seen("::ffff:203.0.113.9") == seen("203.0.113.9") != seen("::ffff:203.0.113.10")
