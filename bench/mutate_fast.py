"""Mutation testing of one module of audits or gate, in one process.

    nice .venv/bin/python bench/mutate_fast.py audit/gaps                     all mutants
    nice .venv/bin/python bench/mutate_fast.py audit/gaps --sample 60         some at random
    nice .venv/bin/python bench/mutate_fast.py audit/gaps --functions gaps opened_gaps
    nice .venv/bin/python bench/mutate_fast.py audit/gaps --sample 60 --survivors

It prints the mutants that survive the module's own tests and those of `--tests`, and the score.
Mutants and results are mutmut's, in `mutants/`; `--survivors` tests again those of them that
survived before. Tests are collected once, and the process is forked for each mutant. Tests that
take more than `--seconds` of processor time run only where no quicker one reaches the function.
"""

import argparse
import contextlib
import os
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from _pytest.runner import runtestprotocol
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths

ROOT = Path(__file__).resolve().parent.parent
KILLED, SURVIVED = 1, 0


def function_of(mutant: str) -> str:
    return mutant.rpartition("__mutmut_")[0]


class Runner:
    """A pytest plugin that runs the tests of each mutant in a fork."""

    def __init__(self, mutants: Sequence[str], seconds: float) -> None:
        self.mutants, self.seconds = mutants, seconds
        self.survivors: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.next = SimpleNamespace(listchain=lambda: [session])  # keeps the session's fixtures
        tests = self._tests(session.items)
        for mutant in self.mutants:
            if not self._killed(mutant, tests[function_of(mutant)]):
                self.survivors.append(mutant)
        return True

    def _fails(self, item: pytest.Item) -> bool:
        reports = runtestprotocol(item, log=False, nextitem=self.next)
        return any(report.failed for report in reports)

    def _tests(self, items: Sequence[pytest.Item]) -> dict[str, list[tuple[float, pytest.Item]]]:
        """The tests that reach each function, the quickest first."""
        tests = defaultdict(list)
        set_mutant_under_test("stats")
        for item in items:
            state()._stats.clear()
            start = time.process_time()
            if self._fails(item):
                sys.exit(f"{item.nodeid} fails without a mutant.")
            seconds = time.process_time() - start
            for function in state()._stats:
                tests[function].append((seconds, item))
        set_mutant_under_test("")
        for function, reached_by in tests.items():
            reached_by.sort(key=lambda test: test[0])
            quick = [test for test in reached_by if test[0] <= self.seconds]
            tests[function] = quick or reached_by
        return tests

    def _killed(self, mutant: str, tests: Sequence[tuple[float, pytest.Item]]) -> bool:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            limit = int(time.process_time() + 5 + 4 * sum(seconds for seconds, _ in tests))
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            try:
                set_mutant_under_test(mutant)
                killed = any(self._fails(item) for _, item in tests)
            except BaseException:
                killed = True
            os._exit(int(killed))
        return os.waitpid(pid, 0)[1] != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("module", help="audit/… or gate/…, without .py")
    parser.add_argument("--functions", nargs="+", help="mutants of these functions alone")
    parser.add_argument("--sample", type=int, help="this many mutants, at random")
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--survivors", action="store_true", help="those that survived before")
    parser.add_argument("--tests", nargs="+", default=[], help="further files of tests")
    parser.add_argument("--seconds", type=float, default=1.2)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    path = Path("modeltrain") / f"{arguments.module}.py"
    config().only_mutate[:] = [str(path)]
    set_mutant_under_test("mutant_generation")
    # Mutants of other modules were made before, and this one was copied.
    Path("mutants", path).unlink(missing_ok=True)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        copy_src_dir()
        copy_also_copy_files()
        setup_source_paths()
        mutmut.create_mutants(1)
    results = SourceFileMutationData(path=path)
    results.load()
    all_mutants = sorted(results.exit_code_by_key)
    mutants = [
        mutant
        for mutant in all_mutants
        if not arguments.functions or function_of(mutant).endswith(tuple(arguments.functions))
    ]
    if arguments.sample:
        size = min(arguments.sample, len(mutants))
        mutants = sorted(random.Random(arguments.seed).sample(mutants, size))
    if arguments.survivors:
        mutants = [name for name in mutants if results.exit_code_by_key[name] == SURVIVED]
    runner = Runner(mutants, arguments.seconds)
    options = ["-q", "-s", "-o", "addopts=", "-p", "no:django", "-p", "no:xdist"]
    options += ["-p", "no:cacheprovider", "--rootdir=.", "--tb=native", "--assert=plain"]
    options += ["-o", "tmp_path_retention_policy=none"]
    folder, _, name = arguments.module.partition("/")
    os.chdir("mutants")
    sys.path.insert(0, os.getcwd())
    code = pytest.main(
        [*options, f"tests/modeltrain/{folder}/test_{name}.py", *arguments.tests], plugins=[runner]
    )
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(code)
    os.chdir(ROOT)
    for mutant in mutants:
        results.exit_code_by_key[mutant] = SURVIVED if mutant in runner.survivors else KILLED
    results.save()
    for mutant in runner.survivors:
        print(f"\nSURVIVED {mutant}\n{get_diff_for_mutant(mutant, path=path)}")
    print(
        f"{arguments.module}: {len(all_mutants)} mutants, {len(mutants)} tested, "
        f"{len(mutants) - len(runner.survivors)} killed"
    )


if __name__ == "__main__":
    main()
