"""Tokens with scopes. Those of REST framework's own table become such tokens, by a hash of their
keys, with every scope that their owner's role allows and no last day: no program notices."""

import hashlib

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

EARLIER = "authtoken_token"  # of an app that is no longer installed, so it has no model here


def move_tokens(apps, schema_editor) -> None:
    if EARLIER not in schema_editor.connection.introspection.table_names():
        return
    earlier = list(apps.get_model("feedback", "EarlierToken").objects.all())
    owners = apps.get_model("auth", "User").objects.in_bulk([row.user_id for row in earlier])
    token = apps.get_model("feedback", "ApiToken")
    token.objects.bulk_create(
        [
            token(
                owner=owners[row.user_id],
                name="Made before tokens had scopes",
                secret_sha256=hashlib.sha256(row.key.encode()).hexdigest(),
                scopes=scopes_of(owners[row.user_id]),
                created_at=row.created,
            )
            for row in earlier
        ]
    )
    schema_editor.execute(f"DROP TABLE {EARLIER}")


def scopes_of(user) -> list[str]:
    groups = set(user.groups.values_list("name", flat=True))
    return [
        *("read", "classify", "report"),
        *["triage"] * bool(groups & {"reviewers", "maintainers"}),
        *["maintain"] * ("maintainers" in groups),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0017_other_published_models"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("secret_sha256", models.CharField(editable=False, max_length=64, unique=True)),
                ("scopes", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "expires_on",
                    models.DateField(
                        blank=True,
                        help_text="Its last day (UTC). Earlier kinds of tokens have none.",
                        null=True,
                    ),
                ),
                ("last_used_on", models.DateField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-pk"]},
        ),
        migrations.CreateModel(
            name="EarlierToken",
            fields=[
                ("key", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("user_id", models.IntegerField()),
                ("created", models.DateTimeField()),
            ],
            options={"managed": False, "db_table": EARLIER},
        ),
        migrations.RunPython(move_tokens, migrations.RunPython.noop),
        migrations.DeleteModel("EarlierToken"),
    ]
