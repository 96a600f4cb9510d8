"""An address gives its bytes within limits, and cannot lead to the internal network."""

import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
import trustme

from modeltrain.importing.fetch import USER_AGENT, FetchRules, RetryLater, fetch
from modeltrain.importing.items import ImportRefused

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)


@pytest.fixture
def rules(site):
    return FetchRules(seconds=5, ports=(site.port,), allowed=LOOPBACK)


@pytest.fixture
def get(rules):
    return lambda address, **changes: fetch(address, rules=replace(rules, **changes))


def test_the_body_is_returned_whatever_its_content_type(site, get):
    site.add("/a.jpg", b"bytes", headers={"Content-Type": "text/html"})
    assert get(site.url("/a.jpg")) == b"bytes"
    assert site.agents == {USER_AGENT}


@pytest.mark.parametrize("status", [403, 404, 410, 304])
def test_a_missing_image_is_refused(site, get, status):
    site.add("/a.jpg", status=status)
    with pytest.raises(ImportRefused, match=f"must have an image.*status {status}") as error:
        get(site.url("/a.jpg"))
    assert not isinstance(error.value, RetryLater)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_host_is_retried_when_it_says(site, get, status):
    site.add("/a.jpg", status=status, headers={"Retry-After": "7"})
    with pytest.raises(RetryLater) as error:
        get(site.url("/a.jpg"))
    assert error.value.wait == 7


def test_retry_after_may_be_a_date(site, get):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    site.add("/a.jpg", status=503, headers={"Retry-After": date})
    with pytest.raises(RetryLater) as error:
        get(site.url("/a.jpg"))
    assert 25 < error.value.wait <= 30


def test_a_response_that_is_too_long_is_cut_off(site, get):
    site.add("/a.jpg", b"x" * 3_000, headers={"Content-Length": "900000000"})
    with pytest.raises(ImportRefused, match="may have 2,000 bytes"):
        get(site.url("/a.jpg"), max_bytes=2_000)


def test_a_wrong_content_length_is_harmless(site, get):
    site.add("/a.jpg", b"x" * 3_000, headers={"Content-Length": "5"})
    assert get(site.url("/a.jpg")) == b"xxxxx"
    site.add("/b.jpg", b"5\r\nxxxxx\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
    assert get(site.url("/b.jpg")) == b"xxxxx"


def test_a_response_that_ends_early_is_refused(site, get):
    site.add("/a.jpg", b"xxx", headers={"Content-Length": "5", "Connection": "close"})
    with pytest.raises(ImportRefused, match="by http or https"):
        get(site.url("/a.jpg"))


def test_a_body_that_trickles_is_cut_off_in_time(site, get):
    site.add("/a.jpg", b"x" * 1_000, slow=0.05)
    start = time.monotonic()
    with pytest.raises(RetryLater, match=r"within 0\.4 seconds"):
        get(site.url("/a.jpg"), seconds=0.4)
    assert time.monotonic() - start < 1.5


def test_a_header_that_trickles_is_cut_off_in_time(get, rules):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closing = threading.Event()

        def trickle():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not closing.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        port = server.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(RetryLater):
            get(f"http://127.0.0.1:{port}/", seconds=0.4, ports=(port,))
        assert time.monotonic() - start < 1.5
        closing.set()
        thread.join()


def test_redirects_are_followed(site, get):
    site.add("/a", status=302, headers={"Location": "/b"})
    site.add("/b", status=301, headers={"Location": site.url("/c.jpg")})
    site.add("/c.jpg", b"bytes")
    assert get(site.url("/a")) == b"bytes"


def test_too_many_redirects_are_refused(site, get):
    site.add("/a", status=302, headers={"Location": "/a"})
    with pytest.raises(ImportRefused, match="may redirect 5 times"):
        get(site.url("/a"))
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2:{port}/secret", "http://[::ffff:127.0.0.2]:{port}/secret"],
)
def test_a_redirect_to_an_internal_address_is_refused_without_a_request(
    site, internal_site, get, location
):
    site.add("/a", status=302, headers={"Location": location.format(port=site.port)})
    with pytest.raises(ImportRefused, match=r"public host.*--allow-address"):
        get(site.url("/a"))
    assert internal_site.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254:{port}/latest/meta-data",
        "http://[::1]:{port}/",
        "http://2130706434:{port}/secret",
        "http://0x7f.2:{port}/secret",
        "http://0177.0.0.2:{port}/secret",
        "http://127.0.0.2.:{port}/secret",
        "http://0.0.0.0:{port}/",
    ],
)
def test_an_internal_address_is_refused_however_it_is_written(site, internal_site, get, address):
    with pytest.raises(ImportRefused, match=r"public host|readable by http"):
        get(address.format(port=site.port))
    assert internal_site.requests == site.requests == []


def test_a_redirect_to_another_protocol_is_refused(site, get, tmp_path):
    (tmp_path / "secret").write_text("secret")
    for location in (f"file://{tmp_path}/secret", "gopher://127.0.0.1/", "ftp://127.0.0.1/x"):
        site.add("/a", status=302, headers={"Location": location})
        with pytest.raises(ImportRefused, match="by http or https"):
            get(site.url("/a"))


def test_a_port_that_is_not_allowed_is_not_connected_to(site, get):
    with pytest.raises(ImportRefused, match=rf"port 80 or 443.*127\.0\.0\.1 port {site.port}"):
        get(site.url("/a.jpg"), ports=(80, 443))
    assert site.requests == []


def test_a_name_that_changes_to_an_internal_address_is_refused(site, internal_site, get):
    site.add("/a.jpg", b"bytes")
    name, port = "images.test", site.port
    assert get(site.url("/a.jpg", name), resolve=(f"{name}:{port}:127.0.0.1",)) == b"bytes"
    site.add("/b", status=302, headers={"Location": site.url("/secret", "rebound.test")})
    names = (f"{name}:{port}:127.0.0.1", f"rebound.test:{port}:127.0.0.2")
    with pytest.raises(ImportRefused, match=r"127\.0\.0\.2"):
        get(site.url("/b", name), resolve=names)
    assert internal_site.requests == []


def test_the_internal_address_of_a_name_with_two_is_not_requested(site, internal_site, get):
    site.add("/secret", b"public")
    names = (f"two.test:{site.port}:127.0.0.2,127.0.0.1",)
    assert get(site.url("/secret", "two.test"), resolve=names) == b"public"
    assert internal_site.requests == []


def test_proxies_of_the_environment_are_ignored(site, internal_site, get, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.2:{site.port}")
    site.add("/a.jpg", b"bytes")
    assert get(site.url("/a.jpg")) == b"bytes"
    assert internal_site.requests == []


@pytest.mark.parametrize("directive", ["noai", "NoImageAI, nofollow"])
def test_a_site_may_opt_out_of_training(site, get, directive):
    site.add("/a.jpg", b"bytes", headers={"X-Robots-Tag": directive})
    with pytest.raises(ImportRefused, match="does not want it learnt from"):
        get(site.url("/a.jpg"))


@pytest.mark.parametrize("directive", ["noindex", "otherbot: noai"])
def test_other_robots_directives_are_ignored(site, get, directive):
    site.add("/a.jpg", b"bytes", headers={"X-Robots-Tag": directive})
    assert get(site.url("/a.jpg")) == b"bytes"


def test_an_invalid_certificate_is_refused(get):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def respond():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
                )

        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(ImportRefused, match=r"by http or https.*certificate"):
            get(f"https://127.0.0.1:{port}/", ports=(port,))
        thread.join()


def test_an_unknown_host_is_refused(get):
    with pytest.raises(ImportRefused, match="by http or https"):
        get("http://no-such-host.invalid/")


@pytest.mark.parametrize("wrong", [{"per_host": 0}, {"pause": -1}])
def test_rules_that_would_fetch_nothing_are_refused(wrong):
    with pytest.raises(ImportRefused, match="at least one address at once"):
        FetchRules(**wrong)
