import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0004_ledger"),
    ]

    operations = [
        migrations.AddField(
            model_name="retrain",
            name="judged_against",
            field=models.ForeignKey(
                blank=True,
                help_text="The model that the gate compared the candidate with.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="feedback.modelversion",
            ),
        ),
        migrations.AddField(
            model_name="retrain",
            name="policy_sha256",
            field=models.CharField(
                blank=True,
                help_text="Of the policy with which the gate judged.",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            model_name="retrain",
            name="audit_set",
            field=models.ForeignKey(
                blank=True,
                help_text="The images on which the gate judged.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retrains",
                to="feedback.auditset",
            ),
        ),
    ]
