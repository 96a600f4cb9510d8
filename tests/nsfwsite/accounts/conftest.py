"""People who set up a second step, and a small OpenID Connect provider."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse

CLIENT = {"client_id": "speakup", "secret": "only between the two of them, and long enough"}


@pytest.fixture
def second_step(ravi) -> str:
    """Ravi's authenticator app has this secret, and he has recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(ravi, secret)
    RecoveryCodes.activate(ravi)
    return secret


class Provider(BaseHTTPRequestHandler):
    """Everybody who comes is Ravi; what he sent along comes back in the token."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self.answer(
                {
                    "issuer": self.origin,
                    "authorization_endpoint": f"{self.origin}/authorize",
                    "token_endpoint": f"{self.origin}/token",
                    "userinfo_endpoint": f"{self.origin}/userinfo",
                    "jwks_uri": f"{self.origin}/keys",
                }
            )
        elif self.path == "/userinfo":
            self.answer({"sub": "ravi-elsewhere", "email": "ravi@login.example"})
        else:
            query = parse_qs(urlsplit(self.path).query)
            self.server.challenges.append(query.get("code_challenge"))  # type: ignore[attr-defined]
            back = urlencode({"code": "once", "state": query["state"][0]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri'][0]}?{back}")
            self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        claims = {"iss": self.origin, "aud": CLIENT["client_id"], "sub": "ravi-elsewhere"}
        claims |= {"iat": 0, "exp": 2**32}
        token = jwt.encode(claims, CLIENT["secret"], algorithm="HS256")
        self.answer({"access_token": "a", "token_type": "Bearer", "id_token": token})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def provider(settings) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.challenges = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OIDC_SERVER_URL = f"http://127.0.0.1:{server.server_address[1]}"
    settings.OIDC_NAME = "Staff login"
    application = {
        "provider_id": "oidc",
        "name": "Staff login",
        **CLIENT,
        "settings": {"server_url": settings.OIDC_SERVER_URL},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [application]}
    }
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def confirmed():
    """Sign in, and show once more that it is you."""

    def make(client, name: str, password: str = "a long enough password"):
        client.post(reverse("sign-in"), {"login": name, "password": password})
        client.post(reverse("account_reauthenticate"), {"password": password})
        return client

    return make
