"""docs/architecture.md agrees with the code: its diagram and each step of its journeys."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pytest

from setup import structure

PAGE = structure.ROOT / "docs" / "architecture.md"
STEP = re.compile(
    r"\d+\. (?:(?P<start>[A-Z][\w ]+): )?`(?P<path>[\w/]+\.py)` `(?P<name>[\w.]+)`: ."
)
JOURNEYS = [
    "Upload",
    "Report to dataset",
    "Retrain to promotion",
    "Audit to chart",
    "Withdrawal",
]


def module_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Step:
    start: str | None
    path: str
    name: str

    @property
    def module(self) -> str:
        return module_of(self.path)


@pytest.fixture(scope="module")
def graph():
    return structure.import_graph(structure.ROOT)


def journeys() -> dict[str, list[Step]]:
    sections = re.split(r"^##+ (.+)\n", PAGE.read_text(), flags=re.MULTILINE)[1:]
    texts = dict(zip(sections[::2], sections[1::2], strict=True))
    return {title: [parse(line) for line in numbered_lines(texts[title])] for title in JOURNEYS}


def numbered_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"\d+\.", line)]


def parse(line: str) -> Step:
    match = STEP.match(line)
    assert match, f"A step reads: 1. `path.py` `function`: what happens. Received: {line}"
    return Step(**match.groupdict())


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((structure.ROOT / path).read_text())


@cache
def definitions(path: str) -> frozenset[str]:
    return frozenset(_definitions(tree(path)))


def _definitions(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield f"{prefix}{child.name}"
        if isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{child.name}.")


def exists(step: Step) -> bool:
    return (structure.ROOT / step.path).is_file() and step.name in definitions(step.path)


@cache
def imported(path: str) -> dict[str, str]:
    """What the names that a file imports stand for: `triage` for `feedback.services.triage`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
    return names


@cache
def used_names(path: str) -> frozenset[str]:
    """Dotted names that a file calls or hands over, each with the module that defines it.

    Names that it defines or only imports are left out.
    """
    own = {name: f"{module_of(path)}.{name}" for name in definitions(path)}
    meanings = own | imported(path)
    used = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            used.add(meanings.get(first, first) + dot + rest)
    return frozenset(used)


def body_of(path: str, name: str) -> ast.AST | None:
    """The function of a file, or its class, or the method of its class."""
    node: ast.AST | None = tree(path)
    for part in name.split("."):
        node = next((child for child in node.body if getattr(child, "name", None) == part), None)
        if node is None:
            return None
    return node


def run_order(path: str, name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Dotted names that a function uses, in the order in which it comes to them.

    A call comes after its arguments, and before a function that it is handed, such as a task to
    send. Functions of the same file are followed. Branches count as if each of them ran.
    """
    meanings = {own: f"{module_of(path)}.{own}" for own in definitions(path)} | imported(path)

    def name_of(node: ast.AST) -> str | None:
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        first, dot, rest = ast.unparse(node).partition(".")
        return meanings.get(first, first) + dot + rest

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Call):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            handed_over = [name for name in map(name_of, arguments) if name]
            for child in (node.func, *arguments):
                if name_of(child) is None:
                    yield from visit(child)
            yield from use(name_of(node.func))
            for name in handed_over:
                yield from use(name)
        elif used := name_of(node):
            yield from use(used)
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child)

    def use(used: str | None) -> Iterator[str]:
        if used is None:
            return
        yield used
        own = used.removeprefix(f"{module_of(path)}.")
        if own != used and own not in seen:
            yield from run_order(path, own, seen | {name, own})

    body = body_of(path, name)
    for child in getattr(body, "body", []):
        yield from visit(child)


@cache
def uses(step: Step) -> list[str]:
    """What the function of a step uses, in the order of `run_order`."""
    return list(run_order(step.path, step.name))


def first_use(step: Step, used: list[str]) -> int | None:
    name = f"{step.module}.{step.name}"
    places = (place for place, other in enumerate(used) if f"{other}.".startswith(f"{name}."))
    return next(places, None)


def siblings(steps: list[Step]) -> dict[int, list[int]]:
    """The places of the steps that one step's function uses, in the order of its code.

    A step belongs to the nearest step above it whose function uses it. Steps that start in a way of
    their own belong to none.
    """
    families: dict[int, list[tuple[int, int]]] = {}
    for place, step in enumerate(steps):
        for above in reversed(range(place)):
            use = first_use(step, uses(steps[above])) if step.start is None else None
            if use is not None:
                families.setdefault(above, []).append((use, place))
                break
    return {above: [place for _, place in sorted(family)] for above, family in families.items()}


@cache
def texts(path: str) -> frozenset[str]:
    return frozenset(
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def leads_to(paths: Iterable[str], step: Step) -> bool:
    """Whether the files use the function of this module, or a method and its class."""
    used = frozenset().union(*map(used_names, paths))
    owner, _, method = step.name.rpartition(".")
    if owner:  # one file may make the instance whose method another one calls
        return f"{step.module}.{owner}" in used and any(
            name.endswith(f".{method}") for name in used
        )
    return f"{step.module}.{step.name}" in used


def by_address(step: Step, earlier: list[Step]) -> bool:
    urls = structure.ROOT.glob("nsfwsite/**/urls.py")
    return leads_to((str(path.relative_to(structure.ROOT)) for path in urls), step)


def by_the_clock(step: Step, earlier: list[Step]) -> bool:
    """Whether the schedule has the name that the task's decorator gives it."""
    (function,) = (
        node
        for node in tree(step.path).body
        if isinstance(node, ast.FunctionDef) and node.name == step.name
    )
    task_names = {
        node.value
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
        if isinstance(node, ast.Constant)
    }
    return not task_names.isdisjoint(texts("worker/schedule.py"))


def by_command(step: Step, earlier: list[Step]) -> bool:
    folder, _, _ = step.path.rpartition("/")
    return folder == "feedback/management/commands" and step.name == "Command.handle"


def as_a_process(step: Step, earlier: list[Step]) -> bool:
    """Whether an earlier step has the verb among its arguments."""
    folder, _, file = step.path.rpartition("/")
    verb = file.removesuffix("_verb.py").replace("_", "-")
    return folder == "modeltrain/verbs" and any(
        verb in texts(other.path) for other in earlier if exists(other)
    )


def after_another(step: Step, earlier: list[Step]) -> bool:
    return leads_to((other.path for other in earlier if exists(other)), step)


STARTS = {
    None: after_another,
    "By address": by_address,
    "By the clock": by_the_clock,
    "By command": by_command,
    "As a process": as_a_process,
}


def test_diagram_is_what_the_imports_give(graph):
    page = PAGE.read_text()
    assert page == structure.with_diagram(page, graph), (
        "The diagram is out of date. "
        "Run .venv/bin/python setup/structure.py --write docs/architecture.md"
    )


def test_journeys_are_the_subsections_of_the_page():
    assert re.findall(r"^### (.+)", PAGE.read_text(), flags=re.MULTILINE) == JOURNEYS
    assert all(len(steps) > 5 for steps in journeys().values())


@pytest.mark.parametrize("title", JOURNEYS)
def test_steps_are_numbered_in_order(title):
    section = PAGE.read_text().partition(f"### {title}\n")[2].partition("\n##")[0]
    numbers = [int(line.partition(".")[0]) for line in numbered_lines(section)]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))


@pytest.mark.parametrize("title", JOURNEYS)
def test_files_and_functions_exist(title):
    missing = [f"{step.path} {step.name}" for step in journeys()[title] if not exists(step)]
    assert not missing, "Correct these steps in docs/architecture.md."


@pytest.mark.parametrize("title", JOURNEYS)
def test_each_step_starts_as_the_page_says(title):
    steps = journeys()[title]
    unexplained = [
        f"{step.path} {step.name}"
        for place, step in enumerate(steps)
        if exists(step) and not STARTS[step.start](step, steps[:place])
    ]
    assert not unexplained, (
        "No earlier step of the journey uses this function of this file, or the step does not "
        "start in the way that it names. Correct these steps in docs/architecture.md."
    )


@pytest.mark.parametrize("title", JOURNEYS)
def test_steps_of_one_function_are_in_the_order_of_its_code(title):
    steps = journeys()[title]
    wrong = [
        f"{steps[above].path} {steps[above].name} uses them in the order "
        f"{', '.join(str(place + 1) for place in family)}"
        for above, family in siblings(steps).items()
        if family != sorted(family)
    ]
    assert not wrong, "Correct the order of these steps in docs/architecture.md."


def test_the_order_of_four_steps_alone_is_not_tested():
    """They start as the page says, but their caller is reached in a way that code does not show."""
    free = set()
    for steps in journeys().values():
        ordered = {place for family in siblings(steps).values() for place in family}
        free |= {
            step.name
            for place, step in enumerate(steps)
            if step.start is None and place not in ordered
        }
    assert free == {"Classifier.classify", "predict_part", "count_errors", "path_of"}


def test_steps_in_another_order_are_found():
    steps = journeys()["Upload"]
    submit, enqueue = (
        next(place for place, step in enumerate(steps) if step.name == name)
        for name in ("submit", "enqueue")
    )
    steps[submit], steps[enqueue] = steps[enqueue], steps[submit]
    assert any(family != sorted(family) for family in siblings(steps).values())


@pytest.mark.parametrize(
    "step",
    [
        Step(None, "modeltrain/gate/judge.py", "judge"),  # a verb imports it, no page does
        Step("By address", "nsfwsite/intake/reporting.py", "withdraw"),
        Step("By the clock", "worker/tasks/inference.py", "classify_task"),
        Step("By command", "feedback/services/audit_sets.py", "import_set"),
        Step("As a process", "modeltrain/verbs/retrain_verb.py", "run"),
    ],
)
def test_a_step_that_starts_in_another_way_is_found(step):
    earlier = [Step("By address", "nsfwsite/demo/views.py", "home")]
    assert not STARTS[step.start](step, earlier)


@pytest.mark.parametrize(
    ("caller", "name", "used", "unused"),
    [
        (
            Step("By address", "nsfwsite/pages/receipt.py", "withdraw"),
            "withdraw",
            "nsfwsite/intake/reporting.py",
            "feedback/services/reports.py",
        ),
        (
            Step(None, "feedback/services/audits.py", "count_errors"),
            "write",
            "modeltrain/audit/columns.py",
            "feedback/services/ledger.py",
        ),
    ],
)
def test_the_right_function_in_the_wrong_module_is_found(caller, name, used, unused):
    """The caller imports both modules. Both define the name, and it uses the one of the first."""
    right, wrong = Step(None, used, name), Step(None, unused, name)
    assert {module_of(used), module_of(unused)} <= set(imported(caller.path).values())
    assert exists(right)
    assert exists(wrong)
    assert after_another(right, [caller])
    assert not after_another(wrong, [caller])
