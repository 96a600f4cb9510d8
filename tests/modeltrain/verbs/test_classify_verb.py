import json

from modeltrain.__main__ import main
from modeltrain.images.codec import to_png
from modeltrain.labels import LABELS
from tests.modeltrain.conftest import blobs


def test_each_image_has_its_label_and_its_scores(published, classifier, tmp_path, capsys):
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        path.write_bytes(to_png(blobs(number)))
    assert (
        main(["classify", "--json-progress", f"--artifact={published.path}", *map(str, paths)]) == 0
    )
    *_, last = capsys.readouterr().out.splitlines()
    images = json.loads(last)["result"]["images"]
    expected = classifier.classify(blobs(1))
    assert images[str(paths[1])] == {"label": expected.label, "scores": dict(expected.scores)}
    assert set(images[str(paths[0])]["scores"]) == set(LABELS)


def test_a_file_that_is_no_image_is_refused_with_a_way_out(published, tmp_path, capsys):
    poem = tmp_path / "poem.png"
    poem.write_text("I am a poem.")
    assert main(["classify", "--json-progress", f"--artifact={published.path}", str(poem)]) == 1
    assert "Save it as JPEG or PNG" in capsys.readouterr().out
