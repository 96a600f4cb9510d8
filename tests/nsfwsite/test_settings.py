"""Every declared setting reaches Django, and none that holds a password for nothing."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from nsfwsite import env
from tests.conftest import ROOT

COOKIES = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "KNOWN_BROWSER_COOKIE_NAME")
PASSWORDS = {"DATABASE_URL", "EMAIL_URL"}


def test_django_has_every_declared_setting_but_those_with_passwords() -> None:
    names = {declaration.name for declaration in env.declarations}
    assert {name for name in names if not hasattr(settings, name)} == PASSWORDS


@pytest.mark.parametrize(("https", "prefix"), [("1", "__Host-"), ("0", "")])
def test_with_https_every_cookie_is_bound_to_this_host(https, prefix) -> None:
    script = "from django.conf import settings as s; print(*[getattr(s, n) for n in {}])"
    names = subprocess.run(
        [sys.executable, "-c", script.format(COOKIES)],
        cwd=ROOT,
        env={**os.environ, "HTTPS": https},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert names == [f"{prefix}{name}" for name in ("sessionid", "csrftoken", "known_browser")]
