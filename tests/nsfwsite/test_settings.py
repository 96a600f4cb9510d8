"""Every declared setting reaches Django, and none that holds a password for nothing."""

from django.conf import settings

from nsfwsite import env

PASSWORDS = {"DATABASE_URL", "EMAIL_URL"}


def test_django_has_every_declared_setting_but_those_with_passwords() -> None:
    names = {declaration.name for declaration in env.declarations}
    assert {name for name in names if not hasattr(settings, name)} == PASSWORDS
