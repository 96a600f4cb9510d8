"""An audit set wears out with every decision, and images bring their looks along."""

import pytest

from feedback.models import AuditSet, DatasetVersion, Retrain
from feedback.services import manifests, models, verdicts, wear
from modeltrain.data.manifest import Row

pytestmark = pytest.mark.django_db


def audit_set(name, images):
    rows = [
        Row(
            sha256=f"{image:064x}",
            label="neutral",
            groups={},
            cluster=str(image),
            source="made",
            split="audit",
        )
        for image in images
    ]
    return AuditSet.objects.create(
        name=name, images=len(rows), manifest_sha256=manifests.publish(rows)
    )


@pytest.fixture
def decide(mona):
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1)

    def decide(on, *, times, **changes):
        for number in range(times):
            base = models.register(
                sha256=f"{on.pk:032x}{number:032x}", title="A model", parent=None
            )
            values = {"candidate": base, "status": "evaluated", "gate": {"verdict": "pass"}}
            Retrain.objects.create(
                **values | changes,
                base=base,
                audit_set=on,
                dataset=dataset,
                config="head",
                proposed_by=mona,
            )

    return decide


def test_every_decision_on_a_set_counts(decide):
    used, unused = audit_set("used", range(10)), audit_set("unused", range(100, 110))
    decide(used, times=3)
    assert wear.decisions_by_set() == {unused: 0, used: 3}
    assert list(wear.decisions_by_set()) == [unused, used]


def test_images_bring_their_looks_into_another_set(decide):
    first, half = audit_set("first", range(10)), audit_set("half", range(5, 15))
    decide(first, times=4)
    assert wear.decisions_by_set() == {first: 4, half: 2}
    decide(half, times=2)
    assert wear.decisions_by_set() == {first: 5, half: 4}


def test_a_retrain_that_was_not_judged_has_not_looked(decide):
    used = audit_set("used", range(10))
    decide(used, times=2, candidate=None, gate=None, status="failed")
    assert wear.decisions_by_set() == {used: 0}


def test_a_verdict_on_a_worn_set_says_so(decide, settings):
    settings.AUDIT_SET_WORN = 3
    used = audit_set("used", range(10))
    decide(used, times=1)
    gate = {"verdict": "pass", "sentence": "Pass: no cell is worse."}
    assert verdicts.with_wear(gate, used) == gate
    decide(audit_set("again", range(11)), times=1)
    worn = verdicts.with_wear(gate, used)
    assert worn["verdict"] == "pass"
    assert worn["sentence"] == (
        "Pass: no cell is worse. This is decision 3 on these images, and the audit set is worn: a "
        "model that passes may be good at these images and at no others."
    )
