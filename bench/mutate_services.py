"""Mutation testing of the services that change states: which small faults would no test notice?

    nice .venv/bin/python bench/mutate_services.py                    mutmut's mutants, a sample
    nice .venv/bin/python bench/mutate_services.py --state-changes    all mutants of state changes
    nice .venv/bin/python bench/mutate_services.py --state-changes --size 25    a sample of them
    nice .venv/bin/python bench/mutate_services.py reports triage     of these modules alone
    nice .venv/bin/python bench/mutate_services.py --seconds 2 findings    by its quick tests alone

It prints the mutants that survive, and the score of each module. Mutants come from mutmut; its
runner sets up Django and a database for each of them, which takes longer than most tests do. Here
one process sets up, and is forked for each mutant. The words of refusals are not mutated.

A state change is mutated by dropping a precondition from a query, a state from a collection, one
side of an `and` or `or`, a field from an update, a call, or a refusal.
"""

import argparse
import difflib
import functools
import importlib
import inspect
import math
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace

import libcst as cst
import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).resolve().parent.parent
# A module's tests are tests/feedback/services/test_MODULE.py and these.
MORE_TESTS = {
    "datasets": ["feedback/services/test_contribution_limits.py"],
    "definitions": ["nsfwsite/pages/test_definitions.py", "nsfwsite/pages/test_objections.py"],
    "erasure": ["feedback/services/test_reports.py"],
    "models": ["feedback/services/test_retrains.py"],
    "quarantine": ["feedback/services/test_bursts.py"],
    "reports": ["feedback/services/test_retention.py"],
    "retrains": [
        f"feedback/services/test_{name}.py"
        for name in ("approval_rule", "slices", "verdicts", "gaps", "confirmations")
    ],
    "safety": ["nsfwsite/pages/test_safety.py"],
    "triage": ["feedback/services/test_approval_rule.py", "feedback/services/test_golden.py"],
    "uploads": ["feedback/services/test_classifications.py"],
    "verdicts": ["feedback/services/test_retrains.py", "feedback/services/test_wear.py"],
    "webhooks": ["feedback/services/test_webhook_requests.py"],
}
# These are called in a process of its own, where nobody measures. Every test may reach them.
CALLED_IN_CHILDREN = {("training_process", "_die_with_parent_and_yield")}
MODULES = sorted(path.stem for path in (ROOT / "feedback" / "services").glob("[a-z]*.py"))
REFUSAL = {"rule", "received", "remedy"}


def tests_of(module: str) -> list[str]:
    mirrored = f"feedback/services/test_{module}.py"
    return [f"tests/{path}" for path in (mirrored, *MORE_TESTS.get(module, []))]


def dropped_arguments(call: cst.Call) -> Iterator[cst.BaseExpression]:
    """A query without one of its conditions; an update without one of its fields."""
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else ""
    name = name or (call.func.value if isinstance(call.func, cst.Name) else "")
    query = name in ("filter", "exclude", "Q")
    for index in range(len(call.args)):
        if len(call.args) > 1 and (query or name in ("update", "_transition")):
            yield call.with_changes(args=[*call.args[:index], *call.args[index + 1 :]])
    if query and isinstance(call.func, cst.Attribute):
        everything = cst.Call(cst.Attribute(call.func.value, cst.Name("all")))
        yield everything if len(call.args) == 1 else call.func.value


def dropped_elements(
    collection: cst.List | cst.Tuple | cst.Set,
) -> Iterator[cst.BaseExpression]:
    for index in range(len(collection.elements)):
        rest = [*collection.elements[:index], *collection.elements[index + 1 :]]
        if rest:
            yield cst.Set(rest) if isinstance(collection, cst.Set) else cst.List(rest)


def one_side(operation: cst.BooleanOperation | cst.BinaryOperation) -> Iterator[cst.BaseExpression]:
    if isinstance(operation.operator, cst.And | cst.Or | cst.BitAnd | cst.BitOr | cst.Subtract):
        yield operation.left
        yield operation.right


def nothing(statement: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """No call, no refusal, and no change of a row or a count."""
    line = statement.body[0]
    docstring = isinstance(line, cst.Expr) and isinstance(line.value, cst.SimpleString)
    field = isinstance(line, cst.Assign) and isinstance(line.targets[0].target, cst.Attribute)
    if field or (isinstance(line, cst.AugAssign | cst.Raise | cst.Expr) and not docstring):
        yield statement.with_changes(body=[cst.Pass()])


STATE_CHANGES = [
    (cst.Call, dropped_arguments),
    (cst.List, dropped_elements),
    (cst.Tuple, dropped_elements),
    (cst.Set, dropped_elements),
    (cst.BooleanOperation, one_side),
    (cst.BinaryOperation, one_side),
    (cst.SimpleStatementLine, nothing),
]


class Mutant:
    def __init__(
        self, module: str, number: int, function: str, tree: cst.Module, mutation: Mutation
    ) -> None:
        self.module, self.number, self.function = module, number, function
        self.tree, self.mutation = tree, mutation

    @functools.cached_property
    def code(self) -> str:
        old, new = self.mutation.original_node, self.mutation.mutated_node
        if isinstance(old, cst.BaseExpression) and not new.lpar:
            new = new.with_changes(lpar=old.lpar, rpar=old.rpar)
        return str(self.tree.deep_replace(old, new).code)

    def activate(self) -> None:
        """Give the module's function the code of the mutant, whoever has imported it."""
        name = f"feedback.services.{self.module}"
        namespace: dict[str, object] = {"__name__": name}
        exec(compile(self.code, name, "exec"), namespace)
        original = function_of(vars(importlib.import_module(name)), self.function)
        mutated = function_of(namespace, self.function)
        original.__code__ = mutated.__code__
        original.__defaults__ = mutated.__defaults__
        original.__kwdefaults__ = mutated.__kwdefaults__

    @property
    def compiles(self) -> bool:
        """Mutmut drops parentheses that an expression on several lines needs."""
        try:
            return bool(compile(self.code, self.module, "exec"))
        except SyntaxError:
            return False

    @property
    def name(self) -> str:
        return f"{self.module}.{self.function}:{self.number}"

    def __str__(self) -> str:
        lines = difflib.unified_diff(
            self.tree.code.splitlines(), self.code.splitlines(), lineterm="", n=1
        )
        changes = "\n".join(line for line in lines if not line.startswith(("---", "+++")))
        return f"{self.name}\n{changes}"


def function_of(namespace: dict[str, object], qualified_name: str) -> FunctionType:
    owner, _, name = qualified_name.rpartition(".")
    member = vars(namespace[owner])[name] if owner else namespace[name]
    for kind in ("fget", "func", "__func__"):  # a property, a cached one, a class method
        member = getattr(member, kind, member)
    function = inspect.unwrap(member)
    assert isinstance(function, FunctionType)
    return function


def mutants_of(module: str, operators: Sequence[object]) -> list[Mutant]:
    path = ROOT / "feedback" / "services" / f"{module}.py"
    source = path.read_text()
    visitor = MutationVisitor(operators, IgnoredCode(set(), set(), set()))
    tree = cst.MetadataWrapper(cst.parse_module(source)).visit(visitor)
    names = dict(_functions(tree))
    words = set(_words(tree))
    mutants = []
    for number, mutation in enumerate(visitor.mutations):
        function = names.get(mutation.contained_by_top_level_function)
        if function is None or mutation.original_node in words:
            continue
        mutants.append(Mutant(module, number, function, tree, mutation))
    return mutants


def _functions(tree: cst.Module) -> Iterator[tuple[cst.FunctionDef, str]]:
    for node in tree.body:
        if isinstance(node, cst.FunctionDef):
            yield node, node.name.value
        elif isinstance(node, cst.ClassDef):
            for method in node.body.body:
                if isinstance(method, cst.FunctionDef):
                    yield method, f"{node.name.value}.{method.name.value}"


def _words(tree: cst.CSTNode, inside: bool = False) -> Iterator[cst.CSTNode]:
    """Every node of a call that makes a refusal."""
    inside = inside or (
        isinstance(tree, cst.Call)
        and any(argument.keyword and argument.keyword.value in REFUSAL for argument in tree.args)
    )
    if inside:
        yield tree
    for child in tree.children:
        yield from _words(child, inside)


def mutate_decorated_functions() -> None:
    """Mutmut skips them, because it could not exchange them. `Mutant.activate` can."""
    skip = MutationVisitor._skip_node_and_children

    def patched(visitor: MutationVisitor, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.FunctionDef) and skip(visitor, node)

    MutationVisitor._skip_node_and_children = patched


class Runner:
    """A pytest plugin that sets up once, and then runs the tests of each mutant in a fork."""

    def __init__(self, mutants: Sequence[Mutant], longest: float) -> None:
        self.mutants = mutants
        self.longest = longest
        self.killed: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from django.db import connections

        self.items = session.items
        first = next((item for item in self.items if "db" in item.fixturenames), self.items[0])
        # What runs next needs the fixtures of the session, and no others.
        self.next = SimpleNamespace(listchain=lambda: [session])
        if self._fails(first):
            pytest.exit("The first test fails without a mutant.")
        connections.close_all()
        self.database = Path(connections["default"].settings_dict["NAME"])
        # Where no test needs one, there is none.
        self.contents = self.database.read_bytes() if self.database.is_file() else b""
        self._measure()
        for count, mutant in enumerate(self.mutants, start=1):
            killed = self._in_fork(lambda mutant=mutant: self._kills(mutant), self._limit(mutant))
            self.killed[mutant.module] += killed
            if not killed:
                print(f"SURVIVED {mutant}\n", flush=True)
            if count % 50 == 0:
                print(f"{count} of {len(self.mutants)}", flush=True)
        return True

    def _fails(self, item: pytest.Item) -> bool:
        reports = runtestprotocol(item, log=False, nextitem=self.next)
        return any(report.failed for report in reports)

    def _measure(self) -> None:
        """Which tests call which function, and how long they take."""
        results = self.database.with_name("calls.txt")
        functions = {(mutant.module, mutant.function) for mutant in self.mutants}

        def measure() -> bool:
            codes: dict[CodeType, tuple[str, str]] = {}
            for module, name in functions:
                namespace = vars(importlib.import_module(f"feedback.services.{module}"))
                codes[function_of(namespace, name).__code__] = module, name
            called: set[tuple[str, str]] = set()

            def profile(frame: object, event: str, _: object) -> None:
                if event == "call" and frame.f_code in codes:
                    called.add(codes[frame.f_code])

            with results.open("w") as file:
                for index, item in enumerate(self.items):
                    called.clear()
                    threading.setprofile(profile)
                    sys.setprofile(profile)
                    start = time.monotonic()
                    reports = runtestprotocol(item, log=False, nextitem=self.next)
                    failed = [report for report in reports if report.failed]
                    seconds = time.monotonic() - start
                    sys.setprofile(None)
                    if failed:
                        print(f"FAILS WITHOUT A MUTANT {item.nodeid}", flush=True)
                        print(failed[0].longreprtext, flush=True)
                        continue
                    for module, name in called | CALLED_IN_CHILDREN & functions:
                        file.write(f"{index} {module} {name} {seconds}\n")
            return False

        self._in_fork(measure, 3600, quiet=False)
        self.tests: dict[tuple[str, str], list[tuple[float, pytest.Item]]] = defaultdict(list)
        for line in results.read_text().splitlines():
            index, module, name, seconds = line.split()
            item = self.items[int(index)]
            own = str(item.path.relative_to(ROOT)) in tests_of(module)
            if own and float(seconds) <= self.longest:
                self.tests[module, name].append((float(seconds), item))
        for pairs in self.tests.values():
            pairs.sort(key=lambda pair: pair[0])

    def _limit(self, mutant: Mutant) -> int:
        return 20 + int(5 * sum(seconds for seconds, _ in self.tests[self._key(mutant)]))

    def _key(self, mutant: Mutant) -> tuple[str, str]:
        return mutant.module, mutant.function

    def _kills(self, mutant: Mutant) -> bool:
        mutant.activate()
        return any(self._fails(item) for _, item in self.tests[self._key(mutant)])

    def _in_fork(self, act: Callable[[], bool], limit: int, *, quiet: bool = True) -> bool:
        """What the function returns in a copy of this process. Dying or hanging is True."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            signal.alarm(limit)
            if quiet:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                os.dup2(1, 2)
            try:
                result = act()
            except BaseException:
                traceback.print_exc()
                result = True
            os._exit(int(result))
        _, status = os.waitpid(pid, 0)
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        self.database.write_bytes(self.contents)
        return status != 0


def sampled(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    chosen = random.Random(seed).sample(mutants, min(size, len(mutants)))
    return sorted(chosen, key=lambda mutant: mutant.number)


def _modules(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="modules, or mutants as they are printed")
    parser.add_argument("--state-changes", action="store_true")
    parser.add_argument("--size", type=int, help="mutants of each module")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="leave out tests that take longer"
    )
    parser.add_argument("--seed", type=int, default=20261128)
    arguments = parser.parse_args()
    names = set(arguments.names)
    modules = [module for module in MODULES if not names or module in _modules(names)]
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    mutate_decorated_functions()
    operators = STATE_CHANGES if arguments.state_changes else mutation_operators
    mutants, totals = [], {}
    for module in modules:
        all_mutants = mutants_of(module, operators)
        totals[module] = len(all_mutants)
        named = [mutant for mutant in all_mutants if mutant.name in names]
        size = arguments.size or (len(all_mutants) if arguments.state_changes else 40)
        chosen = named or sampled(all_mutants, size, arguments.seed)
        mutants += [mutant for mutant in chosen if mutant.compiles]
    runner = Runner(mutants, arguments.seconds)
    options = ["-q", "-s", "-o", "addopts=", "-p", "tests.environment", "-p", "no:cacheprovider"]
    options += ["-p", "no:xdist", "-o", "tmp_path_retention_policy=none"]
    paths = sorted({path for module in modules for path in tests_of(module)})
    with tempfile.TemporaryDirectory() as folder:  # other runs of pytest do not clear it
        if code := pytest.main([*options, f"--basetemp={folder}/tests", *paths], plugins=[runner]):
            sys.exit(code)
    tried = Counter(mutant.module for mutant in mutants)
    for module in modules:
        print(f"{module:14} {totals[module]:4} {tried[module]:4} {runner.killed[module]:4}")
    print(f"{'all':14} {sum(totals.values()):4} {tried.total():4} {runner.killed.total():4}")


if __name__ == "__main__":
    main()
