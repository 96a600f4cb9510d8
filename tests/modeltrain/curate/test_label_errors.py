"""Wrong labels rise to the top of a list because the other images contradict them."""

import json

import numpy as np
import pytest

from modeltrain.__main__ import main
from modeltrain.curate import label_errors
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.modeltrain.conftest import blobs, drawing


def rows_and_features(images_per_label=40, labels=("cats", "dogs", "fish"), seed=0):
    """Images whose features separate their labels, but not perfectly."""
    random = np.random.default_rng(seed)
    rows, features = [], []
    for place, label in enumerate(labels):
        for number in range(images_per_label):
            sha256 = f"{place:02d}{number:062d}"
            groups = {"medium": "photograph" if number % 2 else "vector"}
            rows.append(Row(sha256, label, groups, "train", "a test", sha256))
            centre = np.zeros(30)
            centre[place * 10 : place * 10 + 10] = 2
            features.append(np.abs(centre + random.normal(0, 1, 30)))
    return rows, np.array(features, dtype=np.float32)


def relabelled(row, label):
    return Row(row.sha256, label, row.groups, row.split, row.source, row.cluster)


def test_planted_wrong_labels_are_first_with_the_right_suggestion():
    rows, features = rows_and_features()
    planted = (3, 50, 100)
    for index in planted:
        rows[index] = relabelled(rows[index], "fish" if index < 80 else "cats")
    first = label_errors.rank_labels(rows, features).labels[:3]
    assert {label.row.sha256 for label in first} == {rows[index].sha256 for index in planted}
    assert {label.row.sha256[:2]: label.suggested for label in first} == {
        "00": "cats",
        "01": "dogs",
        "02": "fish",
    }
    assert any(label.is_issue for label in first)


def test_the_ranking_is_reproducible():
    rows, features = rows_and_features()
    assert label_errors.rank_labels(rows, features) == label_errors.rank_labels(rows, features)


def test_copies_do_not_confirm_each_other():
    rows, features = rows_and_features()
    # Ten copies of one fish, all labelled cats: without clusters, each would confirm the others.
    for index in range(30, 40):
        rows[index] = Row(rows[index].sha256, "cats", {}, "train", "a test", "one fish")
        features[index] = features[90] + 0.01 * index
    ranked = label_errors.rank_labels(rows, features).labels
    assert {label.row.cluster for label in ranked[:10]} == {"one fish"}


def test_every_image_gets_out_of_fold_probabilities():
    rows, features = rows_and_features()
    given = np.array([("cats", "dogs", "fish").index(row.label) for row in rows])
    probabilities = label_errors.out_of_fold_probabilities(
        features, given, [row.cluster for row in rows], seed=0
    )
    assert probabilities.shape == (120, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_a_label_with_too_few_images_is_left_out_with_the_reason(count):
    rows, features = rows_and_features()
    rows[:count] = [relabelled(row, "lonely") for row in rows[:count]]
    ranking = label_errors.rank_labels(rows, features)
    assert set(ranking.left_out) == {"lonely"}
    assert f"Received: {count} of lonely" in ranking.left_out["lonely"]
    assert len(ranking.labels) == 120 - count


def test_a_single_label_cannot_be_reviewed():
    rows, features = rows_and_features(labels=("cats",))
    with pytest.raises(label_errors.NothingToReview, match="cats"):
        label_errors.rank_labels(rows, features)


def test_doubtful_labels_are_counted_by_label_and_group():
    rows, features = rows_and_features()
    rows[3] = relabelled(rows[3], "fish")
    counts = label_errors.count_doubtful(label_errors.rank_labels(rows, features).labels)
    assert counts["labels"]["fish"]["images"] == 41
    assert counts["labels"]["fish"]["suggested"] == {"cats": 1}
    assert counts["groups"]["medium"]["photograph"]["images"] == 60
    assert counts["groups"]["medium"]["photograph"]["doubtful"] == 1


def test_the_verb_writes_a_ranked_list(published, tmp_path, capsys):
    folder = tmp_path / "images"
    folder.mkdir()
    rows, images = [], {}
    for label, make_pixels in (("drawn", lambda n: drawing(n, 60)), ("soft", blobs)):
        for number in range(6):
            pixels = make_pixels(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            given = "soft" if label == "drawn" and number == 0 else label
            rows.append(Row(sha256, given, {}, "train", f"{label} {number}", sha256))
    sha256 = rows[0].sha256
    data = dataset.write(
        tmp_path / "set", labels=["drawn", "soft", "one"], rows=rows, images=images
    )
    status = main(
        [
            "review",
            "--json-progress",
            f"--dataset={data.path}",
            f"--artifact={published.path}",
            f"--cache={tmp_path / 'cache'}",
            f"--out={tmp_path / 'list.jsonl'}",
        ]
    )
    lines = [json.loads(line) for line in (tmp_path / "list.jsonl").read_text().splitlines()]
    assert status == 0
    assert [line["rank"] for line in lines] == list(range(1, 13))
    assert (lines[0]["sha256"], lines[0]["label"], lines[0]["suggested"]) == (
        sha256,
        "soft",
        "drawn",
    )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert result["reviewed"] == 12
