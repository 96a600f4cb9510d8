import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0011_image_is_the_noun"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="auditset",
            name="confirmation",
            field=models.BooleanField(
                default=False,
                help_text="Whether it is opened only for candidates that are about to be promoted.",
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
                    ("confirm", "Confirmations"),
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
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("policy_sha256", models.CharField(max_length=64)),
                ("gate", models.JSONField(blank=True, null=True)),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("judged_at", models.DateTimeField(blank=True, null=True)),
                (
                    "audit_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmations",
                        to="feedback.auditset",
                    ),
                ),
                (
                    "judged_against",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="feedback.modelversion",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "retrain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmations",
                        to="feedback.retrain",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("retrain", "audit_set", "judged_against", "policy_sha256"),
                        name="one_confirmation_a_verdict",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("gate__isnull", True), ("judged_at__isnull", True)),
                            models.Q(("gate__isnull", False), ("judged_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="confirmation_has_result_and_time",
                    ),
                ],
            },
        ),
    ]
