import json

from nsfwsite.demo import samples


def test_samples_are_those_that_are_listed_and_there(settings, tmp_path) -> None:
    settings.DEMO_DIR = tmp_path
    assert samples.all_samples() == []
    folder = tmp_path / "samples"
    folder.mkdir()
    rows = [{"file": "fox.png", "title": "A fox"}, {"file": "gone.png", "title": "A ghost"}]
    (folder / "samples.json").write_text(json.dumps(rows))
    (folder / "fox.png").write_bytes(b"pixels")
    (fox,) = samples.all_samples()
    assert (fox.name, fox.title, fox.upload().read()) == ("fox.png", "A fox", b"pixels")
    assert samples.find("fox.png") == fox
    for name in ("gone.png", "samples.json", "../samples/fox.png"):
        assert samples.find(name) is None
