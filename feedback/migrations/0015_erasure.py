import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def as_before(apps, schema_editor):
    """Manifests call the pictures that are here by their hash; erasing them rewrites those."""
    apps.get_model("feedback", "StoredImage").objects.update(name=F("sha256"))


class Migration(migrations.Migration):
    dependencies = [("feedback", "0014_reasons")]

    operations = [
        migrations.AddField(
            model_name="report",
            name="held_in",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="storedimage",
            name="name",
            field=models.CharField(db_index=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(as_before, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "file",
                    models.CharField(help_text="Where its pixels were kept.", max_length=200),
                ),
                ("name", models.CharField(help_text="What manifests call it.", max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "report",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="feedback.report",
                    ),
                ),
            ],
        ),
    ]
