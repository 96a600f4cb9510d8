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
