"""Axes and the groups on them."""

from feedback.models import Axis
from feedback.models.axis import SLICE


def axes() -> list[Axis]:
    """All axes, with their values prefetched."""
    return list(Axis.objects.prefetch_related("values"))


def stated_axes() -> list[Axis]:
    """The axes on which people state groups, which excludes the axis of named slices."""
    return [axis for axis in axes() if axis.name != SLICE]
