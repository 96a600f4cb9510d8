from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0006_premises_of_earlier_verdicts"),
    ]

    operations = [
        migrations.AddField(
            model_name="retrain",
            name="acknowledged_gaps",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Groups whose gaps the promoting maintainer confirmed to have read.",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("genesis", "The beginning"),
                    ("report", "Reports"),
                    ("dataset", "Datasets"),
                    ("audit", "Audits"),
                    ("approval", "Approvals"),
                    ("gate", "Gate verdicts"),
                    ("override", "Overrides"),
                    ("gaps", "Acknowledged gaps"),
                    ("promotion", "Promotions"),
                    ("decline", "Declines"),
                    ("rollback", "Rollbacks"),
                    ("export", "Exports"),
                    ("definition", "Definitions"),
                    ("keys", "Keys"),
                ],
                max_length=10,
            ),
        ),
    ]
