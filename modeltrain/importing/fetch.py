"""Fetch one untrusted address.

libcurl makes the requests. Every socket is opened here, after checking the IP address that it will
connect to, so neither a redirect nor a changed DNS answer can reach the internal network.
"""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from typing import Any

import certifi
import pycurl

from modeltrain.images.decoder import Limits
from modeltrain.importing.ip_addresses import Network, is_permitted
from modeltrain.importing.items import ImportRefused, RetryLater

USER_AGENT = "SpeakUp-import/1 (collects images for a dataset)"
_RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
_OPTED_OUT = frozenset({"noai", "noimageai"})
_CONNECT_SECONDS = 10
_REMEDY = "Remove it from the list, or import again later."


@dataclass(frozen=True)
class FetchRules:
    """How addresses are fetched.

    Attributes
    ----------
    seconds : float
        For one try of one address, including its redirects.
    max_bytes : int
        Of a response body, whatever its header says.
    redirects, tries : int
        At most. Only timeouts and the statuses 429, 500, 502, 503 and 504 are retried.
    wait, longest_wait : float
        Seconds before the second try, doubled for each further one. A host may ask for more with
        `Retry-After`, up to `longest_wait`.
    per_host, threads : int
        How many addresses to fetch at once.
    pause : float
        Seconds between a host's response and the next request in its place.
    ports : tuple of int
    allowed : tuple of networks
        Networks that are not public but may be connected to, for intranets and tests.
    resolve : tuple of str
        `HOST:PORT:ADDRESS`, as for `curl --resolve`.
    """

    seconds: float = 30
    max_bytes: int = Limits().max_bytes
    redirects: int = 5
    tries: int = 3
    wait: float = 2
    longest_wait: float = 60
    per_host: int = 2
    threads: int = 16
    pause: float = 0.5
    ports: tuple[int, ...] = (80, 443)
    allowed: tuple[Network, ...] = ()
    resolve: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.per_host < 1 or self.pause < 0:
            raise ImportRefused(
                "A host must be asked for at least one address at once, with a pause of 0 or more.",
                f"{self.per_host} at once, a pause of {self.pause:g}",
                "Change --per-host or --pause.",
            )


def fetch(address: str, *, rules: FetchRules, stopped: Event | None = None) -> bytes:
    """Return the body of an address's response, whatever it holds.

    Parameters
    ----------
    address : str
    rules : FetchRules
    stopped : threading.Event, optional
        Ends the transfer when it is set.

    Raises
    ------
    ImportRefused
        When the address, or one it redirects to, may not be connected to, sends too much, opts out
        of training (`X-Robots-Tag: noai` or `noimageai`), or has no image.
    RetryLater
        When the host is too slow or says that it is overloaded.
    """
    deadline = time.monotonic() + rules.seconds
    url = address
    for _ in range(rules.redirects + 1):
        request = _Request(url, rules, stopped or Event())
        request.perform(deadline - time.monotonic())
        if request.redirect:
            url = request.redirect
            continue
        received = f"status {request.status}"
        if request.status in _RETRY_STATUSES:
            raise RetryLater(
                "An address must have an image.", received, _REMEDY, wait=request.retry_after
            )
        if not 200 <= request.status < 300:
            raise ImportRefused("An address must have an image.", received, _REMEDY)
        if directives := _OPTED_OUT & request.directives:
            rule = "An image whose site does not want it learnt from is left out."
            raise ImportRefused(rule, f"X-Robots-Tag: {', '.join(sorted(directives))}", _REMEDY)
        return bytes(request.body)
    rule = f"An address may redirect {rules.redirects} times."
    raise ImportRefused(rule, f"one more, to {url[:200]}", _REMEDY)


class _Request:
    """One request and its response."""

    def __init__(self, address: str, rules: FetchRules, stopped: Event) -> None:
        self._address = address
        self._rules = rules
        self._stopped = stopped
        self._forbidden = ""
        self.body = bytearray()
        self.directives: set[str] = set()
        self.status = 0
        self.redirect = ""
        self.retry_after = 0.0

    def perform(self, seconds: float) -> None:
        # One connection per request: leftover data of one must not pass for another's response.
        with closing(pycurl.Curl()) as curl:
            self._set(curl, seconds)
            try:
                curl.perform()
            except pycurl.error as error:
                raise self._error(*error.args) from None
            self.status = int(curl.getinfo(pycurl.RESPONSE_CODE))
            self.redirect = curl.getinfo(pycurl.REDIRECT_URL) or ""
            self.retry_after = float(curl.getinfo(pycurl.RETRY_AFTER))

    def _set(self, curl: pycurl.Curl, seconds: float) -> None:
        for option, value in {
            pycurl.URL: self._address.encode(),
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PROXY: "",  # none, whatever the environment says
            pycurl.CAINFO: certifi.where(),
            pycurl.USERAGENT: USER_AGENT,
            pycurl.HTTPHEADER: ["Accept: image/*"],
            pycurl.RESOLVE: list(self._rules.resolve),
            pycurl.NOSIGNAL: 1,
            pycurl.CONNECTTIMEOUT: _CONNECT_SECONDS,
            pycurl.TIMEOUT_MS: max(int(seconds * 1000), 1),
            pycurl.NOPROGRESS: 0,
            pycurl.XFERINFOFUNCTION: lambda *_: self._stopped.is_set(),
            pycurl.OPENSOCKETFUNCTION: self._open,
            pycurl.HEADERFUNCTION: self._header,
            pycurl.WRITEFUNCTION: self._write,
        }.items():
            curl.setopt(option, value)

    def _open(self, purpose: int, address: Any) -> socket.socket | int:
        inet = address.family in {socket.AF_INET, socket.AF_INET6}
        host, port = address.addr[:2] if inet else (str(address.addr), 0)
        if not inet or port not in self._rules.ports or not is_permitted(host, self._rules.allowed):
            self._forbidden = f"{host} port {port}"
            return int(pycurl.SOCKET_BAD)
        return socket.socket(address.family, address.socktype, address.protocol)

    def _header(self, line: bytes) -> None:
        name, _, value = line.decode("latin-1").lower().partition(":")
        if name == "x-robots-tag":
            self.directives |= {directive.strip() for directive in value.split(",")}

    def _write(self, data: bytes) -> int:
        if len(self.body) + len(data) > self._rules.max_bytes:
            return 0  # ends the transfer
        self.body += data
        return len(data)

    def _error(self, code: int, message: str) -> ImportRefused:
        if code == pycurl.E_OPERATION_TIMEDOUT:
            rule = f"An address must answer within {self._rules.seconds:g} seconds."
            return RetryLater(rule, message, _REMEDY)
        if code == pycurl.E_WRITE_ERROR:
            rule = f"An image may have {self._rules.max_bytes:,} bytes."
            return ImportRefused(rule, "more", _REMEDY)
        if self._forbidden:
            ports = " or ".join(map(str, self._rules.ports))
            return ImportRefused(
                f"An address must lead to a public host, port {ports}.",
                f"{self._address[:200]}, which leads to {self._forbidden}",
                "Remove it, or allow it with --allow-address and --allow-port.",
            )
        return ImportRefused("An address must be readable by http or https.", message, _REMEDY)
