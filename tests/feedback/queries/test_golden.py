import pytest

from feedback import queries, roles
from feedback.models import Golden
from feedback.services import golden, triage
from tests.cast import account

pytestmark = pytest.mark.django_db


def test_whoever_decided_the_report_may_not_answer_its_golden_case(queued, ravi, mona) -> None:
    tara = account("tara", roles.REVIEWERS)
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    golden.mark(report=report, by=mona)
    case = Golden.objects.get()
    assert set(queries.golden.who_may_answer(case)) == {mona, tara}
    assert queries.golden.may_answer(case, tara)
    assert not queries.golden.may_answer(case, ravi)
    assert not queries.golden.may_answer(case, account("sam"))
