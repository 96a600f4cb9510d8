"""Answers as columns say what the list of them says."""

import dataclasses

import numpy as np
import pytest

from modeltrain.audit import columns
from modeltrain.audit.columns import ColumnsRefused
from modeltrain.audit.evaluate import Predicted, from_columns
from modeltrain.gate.judge import judge
from modeltrain.labels import LABELS, ErrorKind


def answers(count=40, seed=0):
    random = np.random.default_rng(seed)
    made = []
    for number in random.permutation(count):
        scores = random.dirichlet(np.ones(len(LABELS))).astype(np.float32)
        groups = {"tone": str(number % 3)} if number % 4 else {}
        groups |= {"medium": "vector"} if number % 2 else {}
        made.append(
            Predicted(
                f"{number:064x}",
                f"cluster {number // 3}",
                LABELS[number % len(LABELS)],
                groups,
                dict(zip(LABELS, map(float, scores), strict=True)),
            )
        )
    return made


def test_columns_come_back_as_they_were(tmp_path):
    made = columns.from_predicted(answers())
    columns.write(tmp_path / "a.npz", made)
    read = columns.read(tmp_path / "a.npz")
    assert read.same_images(made).all()
    assert np.array_equal(read.scores, made.scores)
    assert {axis: names for axis, (names, _) in read.groups.items()} == {
        "medium": ["vector"],
        "tone": ["0", "1", "2"],
    }


def test_they_are_sorted_by_image_and_say_who_is_wrong():
    made = answers()
    found = columns.from_predicted(made)
    expected = [
        each.error != ErrorKind.CORRECT for each in sorted(made, key=lambda each: each.sha256)
    ]
    assert found.wrong.tolist() == expected
    assert found.sha256[:, -1].tolist() == list(range(40))


def test_the_gate_says_the_same_of_columns_and_of_lists():
    before, after = answers(200), answers(200, seed=1)
    assert judge(champion=before, candidate=after) == judge(
        champion=columns.from_predicted(before), candidate=columns.from_predicted(after[::-1])
    )


@pytest.mark.parametrize(
    "changes", [{"expected": LABELS[0]}, {"cluster": "x"}, {"groups": {"tone": "2"}}]
)
def test_what_differs_is_not_the_same(changes):
    made = answers()
    at = next(n for n, each in enumerate(made) if each.sha256.endswith("01"))
    other = [*made]
    other[at] = dataclasses.replace(made[at], **changes)
    same = columns.from_predicted(made).same_images(columns.from_predicted(other))
    assert (~same).sum() == 1
    assert not columns.from_predicted(made).same_images(columns.from_predicted(made[1:])).any()


def test_nothing_is_columns_too(tmp_path):
    columns.write(tmp_path / "a.npz", columns.from_predicted([]))
    assert len(columns.read(tmp_path / "a.npz")) == 0


@pytest.mark.parametrize("damage", ["cut", "text"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "a.npz"
    columns.write(path, columns.from_predicted(answers()))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"no columns")
    with pytest.raises(ColumnsRefused, match="Run the audit again"):
        columns.read(path)


def test_the_list_comes_back_with_clusters_renamed(tmp_path):
    made = sorted(answers(), key=lambda each: each.sha256)
    back = from_columns(columns.from_predicted(made))
    assert [dataclasses.replace(each, cluster="") for each in back] == [
        dataclasses.replace(each, cluster="") for each in made
    ]
    renamed = {(one.cluster, other.cluster) for one, other in zip(made, back, strict=True)}
    assert len(renamed) == len({each.cluster for each in made})


def test_an_axis_is_written_anew_and_the_rest_stays():
    made = columns.from_predicted(answers())
    named = columns.with_axis(made, "slice", {f"{3:064x}": "flags", f"{5:064x}": "flags"})
    assert [n for n, each in enumerate(from_columns(named)) if "slice" in each.groups] == [3, 5]
    again = columns.with_axis(named, "slice", {f"{4:064x}": "maps"})
    assert again.groups["slice"][0] == ["maps"]
    assert columns.with_axis(again, "slice", {}).same_images(made).all()
