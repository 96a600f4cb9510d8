"""The export for Misskey's detector: names, shapes and answers are those that it expects."""

import dataclasses

import numpy as np
import onnxruntime
import pytest

from modeltrain.__main__ import Exit, main
from modeltrain.model.classifier import Classifier
from modeltrain.network import sensitive_detector
from tests.modeltrain.conftest import drawing


@pytest.fixture(scope="module")
def mounted(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nsfw-model")
    arguments = ["--for", "sensitive-detector", "--artifact", published.path, "--out", folder]
    assert main(["export", *map(str, arguments)]) == Exit.DONE
    return folder


def test_the_folder_has_one_file_with_the_input_and_output_of_the_contract(mounted):
    (file,) = mounted.iterdir()
    assert file.name == "nsfw_model.onnx"
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (pixels,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (pixels.name, pixels.type) == ("input", "tensor(float)")
    assert (pixels.shape, probabilities.shape) == ([1, 299, 299, 3], [1, 5])
    assert (probabilities.name, probabilities.type) == ("dense_3", "tensor(float)")


def test_it_gives_the_probabilities_of_the_model(mounted, published):
    session = onnxruntime.InferenceSession(
        str(mounted / "nsfw_model.onnx"), providers=["CPUExecutionProvider"]
    )
    classifier = Classifier(published)
    for number in range(6):
        image = drawing(number)
        (row,) = session.run(["dense_3"], {"input": image[np.newaxis].astype(np.float32) / 255})
        expected = list(classifier.classify(image).scores.values())
        np.testing.assert_allclose(row[0], expected, atol=1e-5)


def test_a_folder_that_has_a_model_is_left_alone(mounted, published, capsys):
    before = (mounted / "nsfw_model.onnx").read_bytes()
    with pytest.raises(FileExistsError, match="Choose another"):
        sensitive_detector.write(published, mounted)
    assert (mounted / "nsfw_model.onnx").read_bytes() == before


def test_a_model_with_other_labels_is_refused_and_nothing_is_written(published, tmp_path):
    renamed = dataclasses.replace(published, labels=("safe", "explicit"))
    with pytest.raises(ValueError, match="Received: safe, explicit"):
        sensitive_detector.write(renamed, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_export_that_lacks_an_option_names_it(published, capsys):
    arguments = ["export", "--for", "sensitive-detector", "--artifact", str(published.path)]
    assert main(arguments) == Exit.REFUSED
    assert "no --out" in capsys.readouterr().out
    assert main(["export", "--artifact", str(published.path)]) == Exit.REFUSED
    assert "no --artifacts and no --dataset" in capsys.readouterr().out
