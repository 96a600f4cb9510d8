"""What axes and their values are called on pages."""

from feedback import queries


def group_titles() -> dict[tuple[str, str], tuple[str, str]]:
    """What an axis and a value are called, by their names."""
    return {
        (axis.name, value.name): (axis.title, value.title)
        for axis in queries.groups.axes()
        for value in axis.values.all()
    }
