"""What axes and the groups on them are called on pages."""

from dataclasses import dataclass

from feedback import queries

# These two axes of an audit are no rows of the database.
BUILT_IN_AXES = {"overall": "All images", "class": "Right label"}


@dataclass(frozen=True)
class Titles:
    """Titles of axes and groups by their names. Where one is unknown, its name stands in."""

    axes: dict[str, str]
    groups: dict[tuple[str, str], str]

    def axis(self, name: str) -> str:
        return self.axes.get(name, name)

    def group(self, axis: str, name: str) -> str:
        return self.groups.get((axis, name), name)

    def place(self, axis: str, name: str) -> int:
        """Where a group stands among the others, such as skin tones from light to dark."""
        groups = list(self.groups)
        return groups.index((axis, name)) if (axis, name) in groups else len(groups)


def load_titles() -> Titles:
    """Read all titles at once. A page reads them once and hands them on."""
    axes = queries.groups.axes()
    return Titles(
        axes=BUILT_IN_AXES | {axis.name: axis.title for axis in axes},
        groups={
            (axis.name, group.name): group.title for axis in axes for group in axis.values.all()
        },
    )
