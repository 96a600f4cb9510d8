from feedback import queries
from feedback.models import Axis
from feedback.models.axis import SLICE


def test_nobody_states_the_axis_of_named_slices(axes, django_assert_num_queries) -> None:
    Axis.objects.get_or_create(name=SLICE, defaults={"title": "Slice"})
    with django_assert_num_queries(2):  # one for the axes, one for all their values
        every = queries.groups.axes()
        values = {axis.name: len(axis.values.all()) for axis in every}
    assert values["medium"] > 1
    assert SLICE in values
    stated = [axis.name for axis in queries.groups.stated_axes()]
    assert "medium" in stated
    assert SLICE not in stated
