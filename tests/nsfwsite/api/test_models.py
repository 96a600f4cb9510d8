"""Models and their audits are public."""

import pytest

from feedback.models import AuditSet
from tests.cast import finished_audit
from tests.nsfwsite.api.client import api_client
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db


def test_anybody_may_see_models(champion):
    page = api_client().get("/api/v1/models/").json()
    assert [(model["version"], model["status"]) for model in page["results"]] == [
        ("v1", "champion")
    ]
    assert api_client().get("/api/v1/models/v9/audit/").status_code == 404
    assert api_client().get("/api/v1/models/nonsense/audit/").status_code == 404
    assert api_client().get(f"/api/v1/models/v{'1' * 5000}/audit/").status_code == 404


def test_anybody_may_see_what_the_images_of_an_audit_can_show(champion, axes):
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    finished_audit(champion, audit_set, answers(100, alarms=40))
    client = api_client()
    shortage = client.get("/api/v1/models/v1/shortage/").json()
    assert shortage["audit_set"] == "demo"
    assert {"sentence", "groups", "cells", "critical_p_value", "warnings"} < set(shortage)
    (usual,) = {cell["rise"] for cell in shortage["cells"]}
    assert usual == shortage["policy"]["harm_ceiling"]
    finer = client.get("/api/v1/models/v1/shortage/?rise=0.02").json()
    assert {cell["rise"] for cell in finer["cells"]} == {0.02}
    for wrong in ("0", "2", "much"):
        assert client.get(f"/api/v1/models/v1/shortage/?rise={wrong}").status_code == 400
    assert client.get("/api/v1/models/v9/shortage/").status_code == 404


def test_anybody_may_see_how_far_groups_are_from_each_other(champion, axes):
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=264)
    finished_audit(champion, audit_set, answers(100, alarms=40))
    client = api_client()
    disparity = client.get("/api/v1/models/v1/disparity/?axis=skin_tone").json()
    assert (disparity["audit_set"], disparity["measure"]) == ("demo", "false_alarm")
    assert [row["group"] for row in disparity["groups"]] == ["dark", "light"]
    assert {"rate", "rest_rate", "difference", "ratio"} < set(disparity["groups"][0])
    for wrong, status in (("", 400), ("?axis=height", 422), ("?axis=skin_tone&measure=x", 400)):
        assert client.get(f"/api/v1/models/v1/disparity/{wrong}").status_code == status
    assert client.get("/api/v1/models/v9/disparity/?axis=skin_tone").status_code == 404
