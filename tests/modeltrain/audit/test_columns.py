"""Columns hold what the list of predictions holds."""

import dataclasses
import hashlib
import io
import json
import re

import numpy as np
import pytest

from modeltrain.audit import columns
from modeltrain.audit.columns import ColumnsRefused
from modeltrain.audit.evaluate import Predicted, from_columns
from modeltrain.gate.judge import judge
from modeltrain.labels import LABELS, ErrorKind


def predictions(count=40, seed=0):
    random = np.random.default_rng(seed)
    predicted = []
    for number in random.permutation(count):
        scores = random.dirichlet(np.ones(len(LABELS))).astype(np.float32)
        groups = {"tone": str(number % 3)} if number % 4 else {}
        groups |= {"medium": "vector"} if number % 2 else {}
        predicted.append(
            Predicted(
                f"{number:064x}",
                f"cluster {number // 3}",
                LABELS[number % len(LABELS)],
                groups,
                dict(zip(LABELS, map(float, scores), strict=True)),
            )
        )
    return predicted


def by_image(predicted):
    return sorted(predicted, key=lambda answer: answer.sha256)


def test_two_images_can_be_read_column_by_column():
    scores = dict(zip(LABELS, (0.5, 0.25, 0.125, 0.125, 0.0), strict=True))
    answers = columns.from_predicted(
        [
            Predicted("ff" * 32, "dog", LABELS[1], {"tone": "light"}, scores),
            Predicted("01" * 32, "cat", LABELS[0], {"tone": "dark", "medium": "photo"}, scores),
        ]
    )
    first_bytes = [hashlib.sha256(name).digest()[:8] for name in (b"cat", b"dog")]
    assert answers.sha256.tolist() == [[1] * 32, [255] * 32]
    assert answers.cluster.tolist() == [int.from_bytes(data, "big") for data in first_bytes]
    assert answers.expected.tolist() == [0, 1]
    assert answers.scores.tolist() == [[0.5, 0.25, 0.125, 0.125, 0.0]] * 2
    assert {axis: (names, n.tolist()) for axis, (names, n) in answers.groups.items()} == {
        "medium": (["photo"], [0, -1]),
        "tone": (["dark", "light"], [0, 1]),
    }
    assert answers.wrong.tolist() == [False, True]
    types = [answers.sha256, answers.cluster, answers.expected, answers.scores]
    assert [array.dtype for array in types] == [np.uint8, np.uint64, np.uint8, np.float32]
    assert answers.groups["tone"][1].dtype == np.int16


def test_columns_come_back_as_they_were(tmp_path):
    written = columns.from_predicted(predictions())
    columns.write(tmp_path / "a.npz", written)
    read = columns.read(tmp_path / "a.npz")
    assert read.same_images(written).all()
    assert np.array_equal(read.scores, written.scores)
    assert list(read.groups) == ["medium", "tone"]
    assert {axis: names for axis, (names, _) in read.groups.items()} == {
        "medium": ["vector"],
        "tone": ["0", "1", "2"],
    }


def test_the_lowest_and_the_highest_score_are_read(tmp_path):
    written = columns.from_predicted(predictions())
    written.scores[:, 0], written.scores[:, 1] = 0, columns.HIGHEST_SCORE
    columns.write(tmp_path / "a.npz", written)
    assert np.array_equal(columns.read(tmp_path / "a.npz").scores, written.scores)


def test_the_file_names_its_arrays_labels_and_axes(tmp_path):
    columns.write(
        tmp_path / "a.npz",
        columns.from_predicted(
            [Predicted("01" * 32, "é", LABELS[0], {"tön": "é"}, dict.fromkeys(LABELS, 0.2))]
        ),
    )
    with np.load(tmp_path / "a.npz") as file:
        header = str(file["said"])
        assert set(file.files) == {"said", "sha256", "cluster", "expected", "scores", "groups"}
        assert file["groups"].dtype == np.int16
    assert json.loads(header) == {"labels": list(LABELS), "axes": {"tön": ["é"]}}
    assert "tön" in header


def test_they_are_sorted_by_image_and_show_which_are_wrong():
    predicted = predictions()
    answers = columns.from_predicted(predicted)
    expected = [answer.error != ErrorKind.CORRECT for answer in by_image(predicted)]
    assert answers.wrong.tolist() == expected
    assert answers.sha256[:, -1].tolist() == list(range(40))


def test_the_gate_judges_columns_as_it_judges_lists():
    before, after = predictions(200), predictions(200, seed=1)
    assert judge(champion=before, candidate=after) == judge(
        champion=columns.from_predicted(before), candidate=columns.from_predicted(after[::-1])
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": LABELS[0]},
        {"cluster": "x"},
        {"groups": {"tone": "2"}},
        {"sha256": "1" + "0" * 62 + "1"},
    ],
)
def test_a_changed_image_is_not_the_same(changes):
    predicted = by_image(predictions())
    changed = [*predicted]
    # The last image stays the last by its hash; 39 is odd and has both axes.
    changed[39] = dataclasses.replace(predicted[39], **changes)
    same = columns.from_predicted(predicted).same_images(columns.from_predicted(changed))
    assert same.tolist() == [True] * 39 + [False]


def test_columns_of_another_length_or_other_values_share_no_image():
    answers = columns.from_predicted(predictions())
    assert answers.same_images(answers).all()
    shorter = columns.from_predicted(by_image(predictions())[:-1])
    assert answers.same_images(shorter).tolist() == [False] * 40
    named = columns.with_axis(answers, "slice", {f"{3:064x}": "flags"})
    assert answers.same_images(named).tolist() == [False] * 40


def test_no_predictions_are_columns_too(tmp_path):
    columns.write(tmp_path / "a.npz", columns.from_predicted([]))
    empty = columns.read(tmp_path / "a.npz")
    assert len(empty) == 0
    assert (empty.sha256.shape, empty.scores.shape, empty.groups) == ((0, 32), (0, 5), {})
    with np.load(tmp_path / "a.npz") as file:
        assert file["groups"].dtype == np.int16


@pytest.mark.parametrize("damage", ["cut", "text", "one array", "an array before the archive"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "a.npz"
    columns.write(path, columns.from_predicted(predictions()))
    whole = path.read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    damaged = {
        "cut": whole[: len(whole) // 2],
        "text": b"no columns",
        "one array": array.getvalue(),
        "an array before the archive": array.getvalue() + whole,
    }
    path.write_bytes(damaged[damage])
    message = (
        r"^A file of answers must be complete, with the current labels\. "
        r"Received: a\.npz \(.+\)\. Run the audit again\.$"
    )
    with pytest.raises(ColumnsRefused, match=message):
        columns.read(path)


def test_a_file_with_other_labels_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    columns.write(path, columns.from_predicted(predictions()))
    monkeypatch.setattr(columns, "LABELS", ("cat", "dog"))
    with pytest.raises(ColumnsRefused, match=r"labels \['drawings', 'hentai'"):
        columns.read(path)


@pytest.mark.parametrize(
    ("changes", "received"),
    [
        ({"scores": np.zeros((39, 5), np.float32)}, "scores float32[39, 5] instead of "),
        ({"scores": np.full((40, 5), np.nan, np.float32)}, "a score of nan"),
        ({"scores": np.full((40, 5), 1.001, np.float32)}, "a score of 1.00"),
        ({"scores": -np.eye(1, 200, dtype=np.float32).reshape(40, 5)}, "a score of -1.0"),
        ({"expected": np.full(40, 5, np.uint8)}, "label 5 of 5"),
        ({"sha256": np.zeros((40, 16), np.uint8)}, "sha256 uint8[40, 16] instead of uint8[40, 32]"),
        ({"cluster": np.zeros(40)}, "cluster float64[40] instead of uint64[40]"),
        ({"groups": {"tone": (["dark"], np.full(40, 1, np.int16))}}, "group 1 of 1 on axis tone"),
        ({"groups": {"tone": (["dark"], np.full(40, -2, np.int16))}}, "group -2 of 1 on axis"),
        (
            {"groups": {"tone": (["dark"], np.eye(1, 40, dtype=np.int16)[0])}},
            "group 1 of 1 on axis",
        ),
        ({"groups": {"tone": (["dark"], np.zeros(41, np.int16))}}, "groups of tone int16[41]"),
        ({"groups": {"tone": ([7], np.zeros(40, np.int16))}}, "axis 'tone' with the groups [7]"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path, changes, received):
    answers = dataclasses.replace(columns.from_predicted(predictions()), **changes)
    columns.write(tmp_path / "a.npz", answers)
    with pytest.raises(ColumnsRefused, match=re.escape(f"Received: a.npz ({received}")):
        columns.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "header",
    [
        "[" * 100_000,
        "[]",
        {"labels": list(LABELS)},
        {"labels": list(LABELS), "axes": ["tone", "medium"]},
        {"labels": list(LABELS), "axes": {"tone": ["dark"]}},
        {"labels": list(LABELS), "axes": {"tone": 3, "medium": ["vector"]}},
        {"labels": list(LABELS), "axes": {"tone": ["0", "1", "\ud800"], "medium": ["vector"]}},
    ],
)
def test_a_header_that_does_not_describe_the_arrays_is_refused(tmp_path, header):
    columns.write(tmp_path / "a.npz", columns.from_predicted(predictions()))
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    text = header if isinstance(header, str) else json.dumps(header)
    np.savez(tmp_path / "a.npz", **arrays | {"said": np.array(text)})
    with pytest.raises(ColumnsRefused, match=r"^A file of answers must be complete"):
        columns.read(tmp_path / "a.npz")


def test_a_missing_file_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        columns.read(tmp_path / "a.npz")


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, said=np.array({"labels": list(LABELS)}, dtype=object))
    with pytest.raises(ColumnsRefused, match="allow_pickle=False"):
        columns.read(path)


def test_the_list_comes_back_with_clusters_renamed():
    predicted = by_image(predictions())
    back = from_columns(columns.from_predicted(predicted))
    assert [dataclasses.replace(answer, cluster="") for answer in back] == [
        dataclasses.replace(answer, cluster="") for answer in predicted
    ]
    renamed = {(old.cluster, new.cluster) for old, new in zip(predicted, back, strict=True)}
    assert len(renamed) == len({answer.cluster for answer in predicted})
    assert back[0].cluster == hashlib.sha256(b"cluster 0").hexdigest()[:16]


def test_an_axis_is_replaced_and_the_rest_stays():
    answers = columns.from_predicted(predictions())
    values = {f"{3:064x}": "flags", f"{5:064x}": "caps", f"{77:064x}": "not in the set"}
    named = columns.with_axis(answers, "slice", values)
    assert list(named.groups) == ["medium", "slice", "tone"]
    names, indices = named.groups["slice"]
    assert (names, indices.dtype) == (["caps", "flags"], np.int16)
    assert indices.tolist() == [-1, -1, -1, 1, -1, 0] + [-1] * 34
    replaced = columns.with_axis(named, "slice", {f"{4:064x}": "maps"})
    assert replaced.groups["slice"][0] == ["maps"]
    assert columns.with_axis(replaced, "slice", {}).same_images(answers).all()


# Mutants that survive (docs/mutation.md), and why they change nothing:
# - reshape(-2, ...): numpy takes any negative number as "the rest".
# - int.from_bytes without "big": the default.
# - dtype=None for the hashes: every hash has 32 bytes.
# - ensure_ascii=None is as false as False; allow_pickle=None or left out is False.
