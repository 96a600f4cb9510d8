"""Settings are read from the environment as declared, or refused with what would be right."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from nsfwsite import env
from tests.conftest import ROOT


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings of a site that starts with these variables and no others."""
    with monkeypatch.context() as patch:
        for declaration in env.declarations:
            patch.delenv(declaration.name, raising=False)
        for name, text in variables.items():
            patch.setenv(name, text)
        return runpy.run_path(str(ROOT / "nsfwsite" / "env.py"))


def test_without_variables_the_defaults_suit_one_machine(monkeypatch) -> None:
    settings = read(monkeypatch)
    assert settings["PORT"] == 8000
    assert settings["DEBUG"] is False
    assert settings["DATA_DIR"] == (ROOT / "var").resolve()
    assert settings["DATABASE_URL"] == f"sqlite:///{(ROOT / 'var').resolve()}/db.sqlite3"
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "8080", 8080),
        ("DATA_DIR", "/somewhere/else", Path("/somewhere/else")),
        ("DEBUG", "1", True),
        ("HTTPS", "True", True),
        ("HTTPS", "off", False),
        ("ALLOWED_HOSTS", "a.example, b.example", ["a.example", "b.example"]),
        ("GOLDEN_SHARE", "0", 0.0),
        ("RATE_REPORTS", "5/day", "5/day"),
        ("REDIS_URL", "unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_a_variable_sets_its_value(monkeypatch, name, text, value) -> None:
    assert read(monkeypatch, **{name: text})[name] == value


def test_an_empty_variable_is_not_set(monkeypatch) -> None:
    assert read(monkeypatch, PORT="", EMAIL_URL="")["PORT"] == 8000


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("PORT", "70000", "PORT must be a whole number from 1 to 65535."),
        ("WEB_THREADS", "0", "WEB_THREADS must be a whole number, 1 or more."),
        ("SOURCE_DAYS", "ninety", "SOURCE_DAYS must be a whole number, 0 or more."),
        ("DEBUG", "maybe", "DEBUG must be true or false."),
        ("SOURCE_SHARE", "1.5", "SOURCE_SHARE must be a number from 0 to 1."),
        ("SOURCE_SHARE", "nan", "SOURCE_SHARE must be a number from 0 to 1."),
        ("RATE_MAIL", "often", "RATE_MAIL must be a rate such as 240/minute."),
        ("ALLOWED_HOSTS", " , ", "ALLOWED_HOSTS must be names separated by commas."),
        (
            "REDIS_URL",
            "localhost",
            "REDIS_URL must be a URL that begins with redis://, rediss:// or unix://.",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_rule_value_and_remedy(monkeypatch, name, text, rule) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        read(monkeypatch, **{name: text})
    message = str(error.value)
    assert message.startswith(f"{rule} Received: {text!r}. ")
    assert "unset it to use the default" in message


def test_a_refused_url_does_not_show_its_password(monkeypatch) -> None:
    with pytest.raises(ImproperlyConfigured) as error:
        read(monkeypatch, DATABASE_URL="mysql://rosa:secret@db.example/speakup")
    assert "secret" not in str(error.value)
    assert "mysql://…@db.example/speakup" in str(error.value)


def test_the_secret_key_is_the_stored_one_unless_the_variable_is_set(monkeypatch, tmp_path) -> None:
    (tmp_path / "secret_key").write_text("stored\n")
    assert read(monkeypatch, DATA_DIR=str(tmp_path))["secret_key"]() == "stored"
    settings = read(monkeypatch, DATA_DIR=str(tmp_path), SECRET_KEY="given")
    assert settings["secret_key"]() == "given"


def test_without_any_secret_key_the_site_does_not_start(monkeypatch, tmp_path) -> None:
    settings = read(monkeypatch, DATA_DIR=str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY must be set"):
        settings["secret_key"]()


PROVIDER = {
    "OIDC_SERVER_URL": "https://login.example/realms/staff/",
    "OIDC_CLIENT_ID": "speakup",
    "OIDC_CLIENT_SECRET": "a secret",
}


def test_a_provider_is_configured_by_three_variables(monkeypatch) -> None:
    assert read(monkeypatch)["oidc_provider"]() == {}
    (application,) = read(monkeypatch, **PROVIDER)["oidc_provider"]()["openid_connect"]["APPS"]
    assert application["settings"] == {"server_url": "https://login.example/realms/staff"}


def test_a_provider_without_a_secret_stops_the_site_at_its_start(monkeypatch) -> None:
    settings = read(monkeypatch, **{**PROVIDER, "OIDC_CLIENT_SECRET": ""})
    with pytest.raises(ImproperlyConfigured, match="needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"):
        settings["oidc_provider"]()
