import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeltrain.data import manifest
from modeltrain.data.manifest import ManifestError, Row
from modeltrain.labels import LABELS


def row(number=1, **changes):
    values = {
        "sha256": f"{number:064x}",
        "label": LABELS[0],
        "groups": {"medium": "vector", "skin_tone": "dark"},
        "split": "train",
        "source": "a drawing – of mine",
        "cluster": f"cluster {number}",
    }
    return Row(**(values | changes))


def test_rows_are_read_back_as_they_were_written(tmp_path):
    rows = [row(1), row(2, groups={})]
    manifest.write(tmp_path / "m.jsonl", rows)
    assert manifest.read(tmp_path / "m.jsonl") == rows


def test_the_same_rows_give_the_same_bytes_in_any_order(tmp_path):
    first = manifest.write(tmp_path / "1", [row(1), row(2)])
    reordered_groups = {"skin_tone": "dark", "medium": "vector"}
    second = manifest.write(tmp_path / "2", [row(2), row(1, groups=reordered_groups)])
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert first == second == manifest.sha256([row(2), row(1)])
    assert first == hashlib.sha256((tmp_path / "1").read_bytes()).hexdigest()


def test_an_empty_manifest_is_valid(tmp_path):
    manifest.write(tmp_path / "m", [])
    assert manifest.read(tmp_path / "m") == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"label": "cat"}, "label must be one of"),
        ({"split": "test"}, "split must be one of"),
        ({"groups": {"medium": 3}}, "one value in text"),
        ({"groups": {"medium": ""}}, "one value in text"),
        ({"cluster": ""}, "cluster must be text"),
        ({"cluster": "\ud800"}, "cluster must be text"),
        ({"groups": {"medium": "\ud800"}}, "one value in text"),
    ],
)
def test_a_row_that_breaks_a_rule_is_not_written(tmp_path, changes, rule):
    with pytest.raises(ManifestError, match=rule):
        manifest.write(tmp_path / "m", [row(1, **changes)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["{", "[" * 100_000, "[]", "{}", json.dumps({"sha256": "a"}), ""])
def test_a_malformed_line_is_refused_with_its_number(tmp_path, line):
    manifest.write(tmp_path / "m", [row(1)])
    with (tmp_path / "m").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ManifestError, match="line 2"):
        manifest.read(tmp_path / "m")


def test_an_image_that_appears_twice_is_refused():
    with pytest.raises(ManifestError, match="once"):
        manifest.sha256([row(1), row(1)])


def test_a_cluster_in_two_splits_is_refused():
    with pytest.raises(ManifestError, match="in one split"):
        manifest.sha256([row(1, cluster="cat"), row(2, cluster="cat", split="audit")])


def test_a_failed_write_leaves_the_old_file(tmp_path):
    manifest.write(tmp_path / "m", [row(1)])
    with pytest.raises(ManifestError):
        manifest.write(tmp_path / "m", [row(2, label="cat")])
    assert manifest.read(tmp_path / "m") == [row(1)]
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@given(st.text(min_size=1))
def test_a_cluster_always_has_the_same_split(cluster):
    assert manifest.split_of(cluster) == manifest.split_of(cluster)
    assert manifest.split_of(cluster, audit_share=1, validation_share=0) == "audit"
    assert manifest.split_of(cluster, audit_share=0, validation_share=0) == "train"


def test_splits_have_the_requested_shares():
    splits = [manifest.split_of(f"cluster {n}") for n in range(4000)]
    assert splits.count("audit") / 4000 == pytest.approx(0.5, abs=0.03)
    assert splits.count("validation") / 4000 == pytest.approx(0.1, abs=0.02)


def test_audit_clusters_stay_the_same_when_the_validation_share_grows():
    clusters = [f"cluster {n}" for n in range(500)]
    small = {name for name in clusters if manifest.split_of(name) == "audit"}
    large = {name for name in clusters if manifest.split_of(name, validation_share=0.4) == "audit"}
    assert small == large


def test_shares_over_one_are_refused():
    with pytest.raises(ValueError, match="at most 1 together"):
        manifest.split_of("a", audit_share=0.9, validation_share=0.2)
