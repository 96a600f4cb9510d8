"""Every check of `make check` can be run by name, and runs before commits too."""

import shlex
import subprocess
import sys

import yaml

from setup import check
from tests.conftest import ROOT


def test_every_check_is_a_hook_before_commits() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    names = [name for hook in hooks for name in shlex.split(hook["entry"])[2:]]
    assert sorted(names) == sorted(check.commands())


def test_a_check_that_does_not_exist_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "setup/check.py", "spelling"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "Received: spelling" in refused.stderr
