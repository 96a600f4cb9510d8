import re

from django.db import migrations, models


def drop_what_is_no_hash(apps, schema_editor):
    """The admin took anything; what is no hash has never stopped a picture."""
    blocked = apps.get_model("feedback", "BlockedHash")
    for row in blocked.objects.iterator():
        digits = row.pdq.strip().lower()
        known = blocked.objects.filter(pdq=digits).exclude(pk=row.pk).exists()
        if known or not re.fullmatch("[0-9a-f]{64}", digits):
            row.delete()
        elif digits != row.pdq:
            blocked.objects.filter(pk=row.pk).update(pdq=digits)


class Migration(migrations.Migration):
    dependencies = [("feedback", "0015_erasure")]

    operations = [
        migrations.RunPython(drop_what_is_no_hash, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="blockedhash",
            constraint=models.CheckConstraint(
                condition=models.Q(("pdq__regex", "^[0-9a-f]{64}$")), name="blocked_hash_is_pdq"
            ),
        ),
    ]
