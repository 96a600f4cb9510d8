import json

import pytest

from feedback.management.commands.load_demo import AXES, load_axes
from feedback.models import Axis, AxisValue

pytestmark = pytest.mark.django_db


def test_axes_are_loaded_once_however_often_the_site_starts() -> None:
    load_axes()
    first = sorted(AxisValue.objects.values_list("axis__name", "name"))
    load_axes()
    assert sorted(AxisValue.objects.values_list("axis__name", "name")) == first
    assert set(json.loads(AXES.read_text())) <= set(Axis.objects.values_list("name", flat=True))
