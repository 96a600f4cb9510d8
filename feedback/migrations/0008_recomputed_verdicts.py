from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0007_acknowledged_gaps"),
    ]

    operations = [
        migrations.AddField(
            model_name="retrain",
            name="recomputed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="retrain",
            name="recomputed_gate",
            field=models.JSONField(
                blank=True,
                help_text="The result of a later policy, beside the one that was decided by.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="retrain",
            name="recomputed_policy_sha256",
            field=models.CharField(
                blank=True, help_text="Of the policy of the recomputed result.", max_length=64
            ),
        ),
        migrations.AddConstraint(
            model_name="retrain",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("recomputed_at__isnull", True),
                        ("recomputed_gate__isnull", True),
                        ("recomputed_policy_sha256", ""),
                    ),
                    models.Q(
                        ("recomputed_at__isnull", False),
                        ("recomputed_gate__isnull", False),
                        models.Q(("recomputed_policy_sha256", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="recomputed_gate_has_policy_and_time",
            ),
        ),
    ]
