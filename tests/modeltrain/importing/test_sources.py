import json

import pytest

from modeltrain.importing import sources
from modeltrain.importing.items import ImportRefused


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["cats/a.png"], "folders"),
        (["cats/urls_cats.txt"], "addresses"),
        (["metadata.csv", "a.png"], "imagefolder"),
        ([], "folders"),
    ],
)
def test_the_kind_of_a_folder_is_told_by_what_is_in_it(tmp_path, files, kind):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert sources.kind_of(tmp_path) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pets.ZIP", "archive"), ("pets.tar.gz", "archive"), ("pets.csv", "table")],
)
def test_the_kind_of_a_file_is_told_by_its_name(tmp_path, name, kind):
    (tmp_path / name).touch()
    assert sources.kind_of(tmp_path / name) == kind


def test_a_source_of_no_known_kind_is_refused_with_the_kinds_there_are(tmp_path):
    (tmp_path / "pets.exe").touch()
    for path in (tmp_path / "pets.exe", tmp_path / "nothing.zip"):
        with pytest.raises(ImportRefused, match="say what it is with --kind") as refused:
            sources.kind_of(path)
        assert ".zip" in refused.value.rule
        assert refused.value.received == str(path)


def test_a_folder_may_list_its_labels_in_the_order_of_a_model(tmp_path):
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
    (tmp_path / "labels.json").write_text(json.dumps(["dogs", "cats"]))
    assert sources.read(tmp_path).labels == ("dogs", "cats")


@pytest.mark.parametrize("labels", ['{"cats": 1}', '["cats", "cats"]', "cats"])
def test_a_list_of_labels_that_is_none_is_refused(tmp_path, labels):
    (tmp_path / "cats").mkdir()
    (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(ImportRefused, match="must be a list of the classes"):
        sources.read(tmp_path)
