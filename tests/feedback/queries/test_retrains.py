import pytest

from feedback import queries
from feedback.models import DatasetVersion, ModelVersion, Retrain

pytestmark = pytest.mark.django_db


def test_siblings_learnt_from_the_same_data_and_start_from_the_same_model(champion, mona):
    first, second = (
        DatasetVersion.objects.create(number=n, manifest_sha256=f"{n}" * 64, images=1)
        for n in (1, 2)
    )
    other = ModelVersion.objects.create(number=9, sha256="9" * 64, title="other")

    def retrain(number: int, dataset=first, base=champion, *, trained: bool = True) -> Retrain:
        candidate = ModelVersion.objects.create(
            number=number, sha256=f"{number}" * 64, title="candidate"
        )
        return Retrain.objects.create(
            base=base,
            dataset=dataset,
            config="head",
            recipe=f"recipe {number}",
            candidate=candidate if trained else None,
            proposed_by=mona,
        )

    mine, sibling = retrain(2), retrain(3)
    elsewhere = retrain(5, base=other)
    retrain(4, second)
    retrain(6, trained=False)
    assert list(queries.retrains.siblings(mine)) == [sibling]
    assert list(queries.retrains.candidates(first.pk)) == [mine, sibling, elsewhere]
