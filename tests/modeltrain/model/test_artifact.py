"""An artifact is what its hash says, or it is refused."""

import hashlib
import json

import pytest

from modeltrain.model import artifact
from modeltrain.model.artifact import ArtifactCorrupt

FILES = {
    "model.onnx": b"graph",
    "labels.json": b'["drawings", "neutral"]',
    "config.json": b'{"base_sha256": "b"}',
}


@pytest.fixture
def written(tmp_path):
    return artifact.write(parent=tmp_path / "artifacts", files=FILES)


def test_an_artifact_loads_with_what_was_written(written):
    loaded = artifact.load(written.path)

    assert loaded == written
    assert loaded.path.name == loaded.version == loaded.sha256[:12]
    assert loaded.labels == ("drawings", "neutral")
    assert loaded.config == {"base_sha256": "b"}
    assert loaded.onnx.read_bytes() == b"graph"


def test_sha256sum_can_read_the_list(written):
    lines = (written.path / artifact.MANIFEST).read_text().splitlines()

    assert f"{hashlib.sha256(b'graph').hexdigest()}  model.onnx" in lines
    assert len(lines) == 3


def test_the_same_content_is_the_same_artifact(written, tmp_path):
    again = artifact.write(parent=written.path.parent, files=dict(reversed(FILES.items())))

    assert again == written
    assert [folder.name for folder in written.path.parent.iterdir()] == [written.version]


def test_a_file_can_be_copied_from_a_path(written, tmp_path):
    (tmp_path / "graph").write_bytes(b"graph")
    files = FILES | {"model.onnx": tmp_path / "graph"}

    assert artifact.write(parent=tmp_path / "other", files=files).sha256 == written.sha256


def test_a_changed_file_is_refused_by_name(written):
    written.onnx.write_bytes(b"grapf")

    with pytest.raises(ArtifactCorrupt) as refused:
        artifact.load(written.path)

    assert refused.value.file == "model.onnx"
    assert refused.value.expected == hashlib.sha256(b"graph").hexdigest()
    assert refused.value.received == hashlib.sha256(b"grapf").hexdigest()
    assert "Restore the folder" in str(refused.value)


def test_a_missing_file_is_refused(written):
    written.onnx.unlink()

    with pytest.raises(ArtifactCorrupt, match=r"model\.onnx: expected a file\. Received: nothing"):
        artifact.load(written.path)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden"])
def test_an_extra_file_is_refused(written, name):
    (written.path / name).write_bytes(b"")

    with pytest.raises(ArtifactCorrupt, match="only what its list names"):
        artifact.load(written.path)


def test_a_folder_inside_is_refused(written):
    (written.path / "more").mkdir()

    with pytest.raises(ArtifactCorrupt, match="plain files only"):
        artifact.load(written.path)


def test_a_link_is_refused_even_if_its_content_is_right(written, tmp_path):
    (tmp_path / "graph").write_bytes(b"graph")
    written.onnx.unlink()
    written.onnx.symlink_to(tmp_path / "graph")

    with pytest.raises(ArtifactCorrupt, match="a link"):
        artifact.load(written.path)


def test_a_link_to_an_artifact_is_refused(written, tmp_path):
    link = tmp_path / written.version
    link.symlink_to(written.path)

    with pytest.raises(ArtifactCorrupt, match="a link"):
        artifact.load(link)


def test_a_renamed_folder_is_refused(written):
    moved = written.path.rename(written.path.with_name("0" * 12))

    with pytest.raises(ArtifactCorrupt, match="named by the hash"):
        artifact.load(moved)


@pytest.mark.parametrize("name", ["/etc/passwd", "../model.onnx", "a/b", ".hidden"])
def test_a_list_that_points_outside_is_refused(written, name):
    text = f"{'0' * 64}  {name}\n".encode()
    (written.path / artifact.MANIFEST).write_bytes(text)
    moved = written.path.rename(written.path.with_name(hashlib.sha256(text).hexdigest()[:12]))

    with pytest.raises(ArtifactCorrupt, match="plain file name"):
        artifact.load(moved)


def test_a_list_without_a_graph_is_refused(written):
    written.onnx.unlink()
    lines = (written.path / artifact.MANIFEST).read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if "onnx" not in line).encode()
    (written.path / artifact.MANIFEST).write_bytes(text)
    moved = written.path.rename(written.path.with_name(hashlib.sha256(text).hexdigest()[:12]))

    with pytest.raises(ArtifactCorrupt, match=r"model\.onnx"):
        artifact.load(moved)


def test_a_folder_that_is_not_an_artifact_is_refused(tmp_path):
    with pytest.raises(ArtifactCorrupt, match="list of hashes"):
        artifact.load(tmp_path)


@pytest.mark.parametrize("name", ["../escape", "a/b", "/abs", artifact.MANIFEST, ""])
def test_a_name_that_leaves_the_folder_is_not_written(tmp_path, name):
    with pytest.raises(ValueError, match="plain name"):
        artifact.write(parent=tmp_path / "artifacts", files=FILES | {name: b""})

    assert not (tmp_path / "artifacts").exists()


def test_a_failed_write_leaves_nothing(tmp_path):
    files = FILES | {"card.md": tmp_path / "absent"}

    with pytest.raises(FileNotFoundError):
        artifact.write(parent=tmp_path / "artifacts", files=files)

    assert list((tmp_path / "artifacts").iterdir()) == []


def test_an_incomplete_artifact_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"model\.onnx"):
        artifact.write(parent=tmp_path, files={"labels.json": json.dumps([]).encode()})
