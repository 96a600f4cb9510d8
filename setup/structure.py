"""Count the rooms and arrows of the packages, from their imports, and draw them.

    .venv/bin/python setup/structure.py                # the counts
    .venv/bin/python setup/structure.py --root FOLDER  # of another checkout
    .venv/bin/python setup/structure.py --draw         # as a Mermaid diagram
    .venv/bin/python setup/structure.py --write docs/architecture.md  # the diagram, in a page

A room is a module or a folder; an arrow goes from one room to another whose code it imports. An
arrow runs back if the other room imports the first one as well, directly or through others.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT, fail

PACKAGES = ("nsfwsite", "worker", "feedback", "modeltrain")
START = "<!-- The diagram is written by setup/structure.py --write -->\n```mermaid\n"
END = "```\n<!-- end of the diagram -->\n"


@dataclass(frozen=True)
class Structure:
    """The rooms of one package, and which of them import which."""

    name: str
    rooms: tuple[str, ...]
    arrows: frozenset[tuple[str, str]]

    @property
    def back_arrows(self) -> list[tuple[str, str]]:
        """Pairs of rooms that import each other, directly or through others."""
        return sorted(
            (start, end)
            for start, end in self.arrows
            if start in self._within_reach(end)
            and not (start > end and (end, start) in self.arrows)
        )

    @property
    def essential_arrows(self) -> list[tuple[str, str]]:
        """Arrows that no way through other rooms replaces."""
        return sorted(
            (start, end)
            for start, end in self.arrows
            if not any(
                end in self._within_reach(other)
                for first, other in self.arrows
                if first == start and other != end
            )
        )

    def _within_reach(self, room: str) -> set[str]:
        reached: set[str] = set()
        waiting = [room]
        while waiting:
            start = waiting.pop()
            neighbours = {other for first, other in self.arrows if first == start} - reached
            reached |= neighbours
            waiting += neighbours
        return reached


def import_graph(root: Path) -> grimp.ImportGraph:
    sys.path.insert(0, str(root))
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def packages(graph: grimp.ImportGraph) -> Structure:
    return _structure(graph, "whole", PACKAGES)


def inside(graph: grimp.ImportGraph, package: str) -> Structure:
    return _structure(graph, package, sorted(graph.find_children(package)))


def _structure(
    graph: grimp.ImportGraph, name: str, rooms: tuple[str, ...] | list[str]
) -> Structure:
    arrows = {
        (room, other)
        for room in rooms
        for module in {room} | graph.find_descendants(room)
        for imported in graph.find_modules_directly_imported_by(module)
        for other in rooms
        if other != room and (imported == other or imported.startswith(f"{other}."))
    }
    return Structure(name, tuple(rooms), frozenset(arrows))


def mermaid(graph: grimp.ImportGraph) -> Iterator[str]:
    """The four packages and their rooms. An arrow that others imply is left out."""
    yield "flowchart TD"
    for package in PACKAGES:
        structure = inside(graph, package)
        arrows = structure.essential_arrows
        yield f"  subgraph {package}"
        for room in sorted({room for arrow in arrows for room in arrow}):
            yield f"    {room}[{room.rpartition('.')[2].strip('_')}]"
        for start, end in arrows:
            yield f"    {start} --> {end}"
        yield "  end"
    for start, end in packages(graph).essential_arrows:
        yield f"  {start} ==> {end}"


def with_diagram(page: str, graph: grimp.ImportGraph) -> str:
    """A page whose diagram is what the code gives now."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        fail(
            f"A page marks the place of its diagram by {START!r} and {END!r}.",
            "a page without these marks",
            "Add both, with nothing between them.",
        )
    lines = "".join(f"{line}\n" for line in mermaid(graph))
    return f"{before}{START}{lines}{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    graph = import_graph(options.root.resolve())
    if options.draw:
        print("\n".join(mermaid(graph)))
        return 0
    if page := options.write:
        page.write_text(with_diagram(page.read_text(), graph))
        return 0
    structures = [packages(graph), *(inside(graph, package) for package in PACKAGES)]
    for structure in structures:
        back = structure.back_arrows
        print(
            f"{structure.name:11} {len(structure.rooms):3} rooms {len(structure.arrows):4} arrows"
            f" {len(back):3} back {' '.join(f'{start} <-> {end}' for start, end in back)}"
        )
    return min(1, sum(len(structure.back_arrows) for structure in structures))


if __name__ == "__main__":
    sys.exit(main())
