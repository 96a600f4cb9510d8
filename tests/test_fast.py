"""The plugin of `make test-fast` names what a test may not import, in processes of xdist."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FINE = "def test_fine(): pass\n"


def fast(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.fast", "-p", "no:django", "-n", "1"]
    return subprocess.run(
        [*command, "-rfE", "-c", "/dev/null", "-p", "no:cacheprovider", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "code",
    [
        f"import redis\n{FINE}",
        "def test_slow():\n    import redis\n",
        "import pytest\n\n@pytest.fixture\ndef slow():\n    import redis\n\n"
        "def test_slow(slow): pass\n",
    ],
    ids=["at the top", "in a test", "in a fixture"],
)
def test_a_slow_import_fails_with_its_name_and_what_to_do(tmp_path, code):
    (tmp_path / "test_fine.py").write_text(FINE)
    (tmp_path / "test_slow.py").write_text(code)
    run = fast(tmp_path)
    assert run.returncode
    blamed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert blamed
    assert all("test_slow.py" in line for line in blamed)
    assert "Received: redis. Move the test, or leave its folder out of FAST" in run.stdout


def test_others_pass_and_those_that_need_the_published_model_are_left_out(tmp_path):
    (tmp_path / "test_fine.py").write_text(FINE + "def test_model(published): pass\n")
    run = fast(tmp_path)
    assert run.returncode == 0
    assert "1 passed" in run.stdout
