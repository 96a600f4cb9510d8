"""Who counts as what: a group makes a role, a superuser and a switched-off account have none."""

import pytest
from django.contrib.auth.models import AnonymousUser, User

from feedback import roles
from tests.cast import account

pytestmark = pytest.mark.django_db
ROLES = {
    "reviewer": roles.is_reviewer,
    "maintainer": roles.is_maintainer,
    "safety": roles.is_safety,
    "auditor": roles.is_auditor,
}


def roles_of(user) -> set[str]:
    return {name for name, has_role in ROLES.items() if has_role(user)}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (roles.REVIEWERS, {"reviewer"}),
        (roles.MAINTAINERS, {"reviewer", "maintainer", "auditor"}),
        (roles.SAFETY, {"safety"}),
        (roles.AUDITORS, {"auditor"}),
    ],
)
def test_a_group_gives_its_role_and_what_the_role_implies(group, expected) -> None:
    assert roles_of(account("rita", group)) == expected


def test_strangers_superusers_and_switched_off_accounts_have_no_role() -> None:
    assert roles_of(account("sam")) == set()
    assert roles_of(User.objects.create_superuser("root", password="a long password")) == set()
    assert roles_of(AnonymousUser()) == set()
    former = account("fred", *roles.GROUPS)
    former.is_active = False
    former.save()
    assert roles_of(former) == set()
    assert not roles.reviewers().exists()


def test_somebody_in_two_groups_is_one_reviewer() -> None:
    mona = account("mona", roles.REVIEWERS, roles.MAINTAINERS)
    assert list(roles.reviewers()) == [mona]
    assert not roles.has_other_reviewers(mona)
    account("ravi", roles.REVIEWERS)
    assert roles.has_other_reviewers(mona)
