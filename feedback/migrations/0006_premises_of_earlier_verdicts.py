import hashlib
import json

from django.db import migrations


def name_what_verdicts_were_reached_against(apps, schema_editor):
    """Until now a verdict was always reached against the model that the retrain started from."""
    Retrain = apps.get_model("feedback", "Retrain")
    for retrain in Retrain.objects.filter(gate__isnull=False).only("base", "gate"):
        policy = json.dumps(
            retrain.gate.get("policy", {}),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        retrain.judged_against_id = retrain.base_id
        retrain.policy_sha256 = hashlib.sha256(policy.encode()).hexdigest()
        retrain.save(update_fields=["judged_against", "policy_sha256"])


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0005_verdict_premises"),
    ]

    operations = [
        migrations.RunPython(name_what_verdicts_were_reached_against, migrations.RunPython.noop),
    ]
