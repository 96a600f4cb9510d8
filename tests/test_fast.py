"""The plugin of `make test-fast` names what a test may not import, in processes of xdist."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FINE = "def test_fine(): pass\n"
SLOW = {
    "test_top.py": ("redis", f"import redis\n{FINE}"),
    "test_body.py": ("celery", "def test_slow():\n    import celery\n"),
    "test_fixture.py": (
        "playwright",
        "import pytest\n\n@pytest.fixture\ndef slow():\n    import playwright\n\n"
        "def test_slow(slow): pass\n",
    ),
}


def fast(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.fast", "-p", "no:django", "-n", "1"]
    command += ["-rfE", "-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    return subprocess.run(
        [*command, "--continue-on-collection-errors", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def blame(tmp_path_factory) -> str:
    """What one run says of all the slow imports: each run takes long to begin."""
    folder = tmp_path_factory.mktemp("fast")
    # The second one needs a fixture that is not there.
    (folder / "test_fine.py").write_text(FINE + "def test_model(published): pass\n")
    for name, (_, code) in SLOW.items():
        (folder / name).write_text(code)
    run = fast(folder)
    assert run.returncode
    return run.stdout


@pytest.mark.parametrize(
    ("name", "package"), [(name, package) for name, (package, _) in SLOW.items()]
)
def test_a_slow_import_fails_with_its_name_and_what_to_do(blame, name, package):
    assert any(name in line for line in blame.splitlines() if line.startswith(("FAILED", "ERROR")))
    assert f"Received: {package}. Move the test, or leave its folder out of FAST" in blame


def test_a_test_without_slow_imports_is_not_blamed(blame):
    lines = [line for line in blame.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert len(lines) == len(SLOW)
    assert not any("test_fine.py" in line for line in lines)


def test_a_test_that_needs_the_published_model_is_left_out(blame):
    assert "test_model" not in blame
