"""Measurements that the docs quote can be run again: every name that they import exists."""

import ast
import importlib

import pytest

from tests.conftest import ROOT

PACKAGES = ("nsfwsite", "worker", "feedback", "modeltrain", "setup", "bench", "tests")


@pytest.mark.parametrize("path", sorted((ROOT / "bench").glob("*.py")), ids=lambda path: path.stem)
def test_a_bench_imports_what_exists(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
