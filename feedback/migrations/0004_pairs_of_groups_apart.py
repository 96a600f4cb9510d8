from django.db import migrations, models


def apart(apps, schema_editor):
    Audit = apps.get_model("feedback", "Audit")
    for audit in Audit.objects.exclude(figures=None):
        audit.pairs = audit.figures.pop("pairs", [])
        audit.save(update_fields=["figures", "pairs"])


def together(apps, schema_editor):
    Audit = apps.get_model("feedback", "Audit")
    for audit in Audit.objects.exclude(figures=None):
        audit.figures["pairs"] = audit.pairs
        audit.save(update_fields=["figures"])


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0003_retrains_name_their_audit_set"),
    ]

    operations = [
        migrations.AddField(
            model_name="audit",
            name="pairs",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.RunPython(apart, together),
    ]
