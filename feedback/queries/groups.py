"""Axes and the groups on them."""

from feedback.models import Axis
from feedback.models.group import SLICE


def axes() -> list[Axis]:
    """Axes with their values, as choices for groups."""
    return list(Axis.objects.prefetch_related("values"))


def stated_axes() -> list[Axis]:
    """Those on which people state groups; named slices are of an audit set's images alone."""
    return [axis for axis in axes() if axis.name != SLICE]
