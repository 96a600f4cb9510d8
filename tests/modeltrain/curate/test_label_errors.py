"""Wrong labels come to the top of a list, because the other images speak against them."""

import json

import numpy as np
import pytest

from modeltrain.__main__ import main
from modeltrain.curate import label_errors
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from tests.modeltrain.conftest import blobs, drawing


def rows_and_features(each=40, labels=("cats", "dogs", "fish"), seed=0):
    """Images whose features tell their labels apart, but not perfectly."""
    random = np.random.default_rng(seed)
    rows, features = [], []
    for place, label in enumerate(labels):
        for number in range(each):
            sha256 = f"{place:02d}{number:062d}"
            groups = {"medium": "photograph" if number % 2 else "vector"}
            rows.append(Row(sha256, label, groups, "train", "made", sha256))
            centre = np.zeros(30)
            centre[place * 10 : place * 10 + 10] = 2
            features.append(np.abs(centre + random.normal(0, 1, 30)))
    return rows, np.array(features, dtype=np.float32)


def relabelled(row, label):
    return Row(row.sha256, label, row.groups, row.split, row.source, row.cluster)


def test_planted_wrong_labels_are_first_with_the_right_suggestion():
    rows, features = rows_and_features()
    for at in (3, 50, 100):
        rows[at] = relabelled(rows[at], "fish" if at < 80 else "cats")
    first = label_errors.review(rows, features).doubts[:3]
    assert {each.row.sha256 for each in first} == {rows[at].sha256 for at in (3, 50, 100)}
    assert {each.row.sha256[:2]: each.suggested for each in first} == {
        "00": "cats",
        "01": "dogs",
        "02": "fish",
    }
    assert any(each.is_issue for each in first)


def test_the_list_is_the_same_for_the_same_images():
    rows, features = rows_and_features()
    assert label_errors.review(rows, features) == label_errors.review(rows, features)


def test_copies_do_not_vouch_for_each_other():
    rows, features = rows_and_features()
    # Ten copies of one fish, all called cats: alone, each would be backed by the other nine.
    for at in range(30, 40):
        rows[at] = Row(rows[at].sha256, "cats", {}, "train", "made", "one fish")
        features[at] = features[90] + 0.01 * at
    doubts = label_errors.review(rows, features).doubts
    first = {each.row.cluster for each in doubts[:10]}
    assert first == {"one fish"}


def test_no_image_is_judged_by_a_head_that_saw_it_or_its_copies():
    rows, features = rows_and_features()
    given = np.array([("cats", "dogs", "fish").index(row.label) for row in rows])
    found = label_errors.out_of_fold(features, given, [row.cluster for row in rows], seed=0)
    assert found.shape == (120, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_a_label_with_too_few_images_is_left_out_and_told():
    rows, features = rows_and_features()
    rows[0] = relabelled(rows[0], "lonely")
    found = label_errors.review(rows, features)
    assert set(found.left_out) == {"lonely"}
    assert "Received: 1 of lonely" in found.left_out["lonely"]
    assert len(found.doubts) == 119


def test_one_label_is_nothing_to_review():
    rows, features = rows_and_features(labels=("cats",))
    with pytest.raises(label_errors.NothingToReview, match="cats"):
        label_errors.review(rows, features)


def test_doubts_are_counted_by_label_and_group():
    rows, features = rows_and_features()
    rows[3] = relabelled(rows[3], "fish")
    shares = label_errors.shares(label_errors.review(rows, features).doubts)
    assert shares["labels"]["fish"]["images"] == 41
    assert shares["labels"]["fish"]["suggested"] == {"cats": 1}
    assert shares["groups"]["medium"]["photograph"]["images"] == 60
    assert shares["groups"]["medium"]["photograph"]["doubtful"] == 1


def test_the_verb_writes_a_ranked_list_and_says_what_it_left_out(published, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    from modeltrain.images.codec import pixel_sha256, to_png

    rows, images = [], {}
    for label, picture, count in (("drawn", lambda n: drawing(n, 60), 6), ("soft", blobs, 6)):
        for number in range(count):
            pixels = picture(number)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            wrong = "soft" if label == "drawn" and number == 0 else label
            rows.append(Row(sha256, wrong, {}, "train", f"{label} {number}", sha256))
    sha256 = rows[0].sha256
    made = dataset.write(
        tmp_path / "set", labels=["drawn", "soft", "one"], rows=rows, images=images
    )
    status = main(
        [
            "review",
            "--json-progress",
            f"--dataset={made.path}",
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
