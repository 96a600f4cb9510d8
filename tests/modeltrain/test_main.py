"""What the exit status of a verb says, and that a person may stop it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modeltrain.__main__ import Exit, main

ROOT = Path(__file__).resolve().parents[2]
IMPORT = [sys.executable, "-m", "modeltrain", "import"]


def test_every_exit_status_is_documented():
    guide = (ROOT / "docs" / "recipe.md").read_text()
    assert set(re.findall(r"^\| (\d+) \|", guide, re.M)) == {str(int(code)) for code in Exit} | {
        "1"
    }


def test_a_mistyped_command_and_a_refusal_have_the_same_status(tmp_path):
    with pytest.raises(SystemExit) as mistyped:
        main(["import", "--oops"])
    refused = main(["import", str(tmp_path / "gone"), f"--out={tmp_path}"])
    assert mistyped.value.code == refused == Exit.REFUSED


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)],
)
def test_a_stopped_verb_says_no_more_than_a_sentence(tmp_path, number, status):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "0.png").touch()
    (tmp_path / "list.csv").write_text("path,label\n" + "cats/0.png,cats\n" * 100_000)
    command = [*IMPORT, str(tmp_path / "list.csv"), f"--out={tmp_path / 'out'}", "--json-progress"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job, as which tests may run, ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        process.stdout.readline()
        process.send_signal(number)
        lines = process.stdout.read().splitlines()
        assert process.wait(60) == status
        assert process.stderr.read() == ""
    if number == signal.SIGINT:
        assert '"Stopped by Ctrl-C. Run the same command again to continue."' in lines[-1]
