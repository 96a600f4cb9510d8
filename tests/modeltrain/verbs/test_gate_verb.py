import json

import pytest

from modeltrain.__main__ import main
from modeltrain.audit import columns, evaluate
from modeltrain.gate.judge import judge
from tests.modeltrain.gate.images import every_class

CHAMPION = every_class(100)
CANDIDATE = every_class(100, neutral=range(40))


def written(path, predicted):
    if path.suffix == ".npz":
        columns.write(path, columns.from_predicted(predicted))
    else:
        evaluate.write_predictions(path, predicted)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_the_verdict_is_that_of_the_gate_for_either_kind_of_file(tmp_path, capsys, suffix):
    champion = written(tmp_path / f"champion{suffix}", CHAMPION)
    candidate = written(tmp_path / f"candidate{suffix}", CANDIDATE)
    out = tmp_path / "verdicts" / "gate.json"
    files = [f"--champion={champion}", f"--candidate={candidate}", f"--out={out}"]
    assert main(["gate", "--json-progress", *files]) == 0
    verdict = json.loads(out.read_text())
    assert verdict["verdict"] == "blocked"
    assert verdict == json.loads(json.dumps(judge(champion=CHAMPION, candidate=CANDIDATE)))
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["result"] == {"gate": str(out), "verdict": "blocked"}


def test_a_reader_of_a_pipe_gets_the_verdict_as_a_sentence(tmp_path, capsys):
    champion = written(tmp_path / "champion.jsonl", CHAMPION)
    out = tmp_path / "gate.json"
    assert main(["gate", f"--champion={champion}", f"--candidate={champion}", f"--out={out}"]) == 0
    assert f"gate: {json.loads(out.read_text())['sentence']}\n" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".jsonl", ".npz"])
def test_damaged_answers_are_refused_and_leave_nothing_behind(tmp_path, capsys, suffix):
    answers = written(tmp_path / f"answers{suffix}", CHAMPION)
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(answers.read_bytes()[:-30])
    out = tmp_path / "verdicts" / "gate.json"
    files = [f"--champion={answers}", f"--candidate={damaged}", f"--out={out}"]
    assert main(["gate", *files]) == 2
    assert damaged.name in capsys.readouterr().out
    assert not out.parent.exists()


def test_an_output_that_cannot_be_written_is_no_traceback(tmp_path, capsys):
    champion = written(tmp_path / "champion.jsonl", CHAMPION)
    (tmp_path / "out").mkdir()
    files = [f"--champion={champion}", f"--candidate={champion}", f"--out={tmp_path / 'out'}"]
    assert main(["gate", *files]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"champion.jsonl", "out"}
