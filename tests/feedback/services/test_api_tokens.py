"""Tokens of the API: what is stored, what is refused, what the upgrade keeps."""

import datetime
import hashlib
import importlib
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone

from feedback.errors import Invalid, TokenRefused, WrongState
from feedback.models import ApiToken
from feedback.services import api_tokens, retention
from tests.cast import token_of

pytestmark = pytest.mark.django_db


def fields(user: User, **changes) -> dict:
    today = timezone.localdate()
    return {"owner": user, "name": "n", "scopes": ["read"], "expires_on": today, **changes}


def test_the_secret_is_stored_as_a_hash_alone(sam) -> None:
    token, secret = api_tokens.add(**fields(sam))
    assert api_tokens.by_secret(secret) == token
    stored = ApiToken.objects.values().get()
    assert stored["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(stored)


def test_a_token_works_until_the_end_of_its_last_day(sam) -> None:
    token, secret = api_tokens.add(**fields(sam))
    assert api_tokens.by_secret(secret) == token
    ApiToken.objects.update(expires_on=timezone.localdate() - datetime.timedelta(days=1))
    with pytest.raises(TokenRefused, match="last day"):
        api_tokens.by_secret(secret)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"scopes": []}, "at least one scope"),
        ({"scopes": ["maintain"]}, "With your role, a scope is one of read, classify, report."),
        ({"scopes": ["everything"]}, "a scope is one of"),
        ({"name": ""}, "at most 100 characters"),
        ({"name": "n" * 101}, "at most 100 characters"),
        ({"expires_on": datetime.date(2020, 1, 1)}, "from today"),
        ({"expires_on": datetime.date(9999, 1, 1)}, "from today"),
    ],
)
def test_what_breaks_a_rule_is_refused(sam, change, rule) -> None:
    with pytest.raises(Invalid, match=rule):
        api_tokens.add(**fields(sam, **change))
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_once(sam) -> None:
    token, secret = api_tokens.add(**fields(sam))
    api_tokens.revoke(token=token, by=sam)
    with pytest.raises(TokenRefused, match="revoked"):
        api_tokens.by_secret(secret)
    with pytest.raises(WrongState):
        api_tokens.revoke(token=token, by=sam)


def test_tokens_that_ended_long_ago_are_deleted(sam) -> None:
    for name, days in {"current": -1, "lately": 29, "long ago": 32}.items():
        token, _ = api_tokens.add(**fields(sam, name=name))
        token.expires_on = timezone.localdate() - datetime.timedelta(days=days)
        token.save()
    revoked, _ = api_tokens.add(**fields(sam, name="revoked"))
    revoked.revoked_at = timezone.now() - datetime.timedelta(days=31)
    revoked.save()
    retention.enforce()
    assert set(sam.api_tokens.values_list("name", flat=True)) == {"current", "lately"}


def test_an_erased_account_leaves_no_token(sam) -> None:
    token_of(sam)
    sam.delete()
    assert not ApiToken.objects.exists()


def test_an_operator_makes_a_token_on_the_machine(mona) -> None:
    out = StringIO()
    call_command("add_token", "mona", "--scopes", "classify", "--days", "7", stdout=out)
    token = api_tokens.by_secret(out.getvalue().strip())
    assert (token.owner, token.scopes) == (mona, ["classify"])
    assert token.expires_on == timezone.localdate() + datetime.timedelta(days=7)
    with pytest.raises(CommandError, match="Received: 'nobody'"):
        call_command("add_token", "nobody")
    with pytest.raises(CommandError, match="a scope is one of"):
        call_command("add_token", "mona", "--scopes", "x")


def test_earlier_tokens_still_work_with_all_that_their_owners_may_do(mona, ravi, sam) -> None:
    """The upgrade, with the table that REST framework had made."""
    migration = importlib.import_module("feedback.migrations.0018_api_tokens")

    class EarlierToken(models.Model):
        key = models.CharField(max_length=40, primary_key=True)
        user_id = models.IntegerField()
        created = models.DateTimeField()

        class Meta:
            app_label = "feedback"
            db_table = migration.EARLIER

    try:
        editor = connection.schema_editor()
        editor.execute(editor.table_sql(EarlierToken)[0], None)
        created = timezone.now() - datetime.timedelta(days=900)
        for user in (mona, ravi, sam):
            EarlierToken.objects.create(key=user.username * 8, user_id=user.pk, created=created)
        migration.move_tokens(apps, editor)
    finally:
        del apps.all_models["feedback"]["earliertoken"]
        apps.clear_cache()
    assert migration.EARLIER not in connection.introspection.table_names()
    everybody = ["read", "classify", "report"]
    scopes = {sam: everybody, ravi: [*everybody, "triage"]}
    scopes[mona] = [*everybody, "triage", "maintain"]
    for user, expected in scopes.items():
        token = api_tokens.by_secret(user.username * 8)
        assert (token.owner, token.scopes, token.created_at) == (user, expected, created)
        assert token.expires_on is None
