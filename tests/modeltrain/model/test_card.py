"""What a model's card says of how it was made."""

from modeltrain.model import card

PARENT, MANIFEST = "a" * 64, "b" * 64


def head_config(**training):
    return {
        "name": "head",
        "parent": PARENT,
        "training": {
            "config": {"seed": 7},
            "manifest_sha256": MANIFEST,
            "images": {"train": {"report": 12, "anchor": 30}, "validation": {"report": 4}},
            "impression_agreement": {"porn": 0.9876, "sexy": None},
            "validation": {"drawings": {"images": 4, "before": 1, "after": 3}},
            "epoch_kept": 5,
            "stopped_by": "validation",
        }
        | training,
    }


def test_the_card_of_a_head_says_what_it_learned_from_and_what_it_kept():
    lines = card.head_card(head_config()).splitlines()
    assert "| train | anchor | 30 |" in lines
    assert "| validation | report | 4 |" in lines
    assert "| drawings | 4 | 1 | 3 |" in lines
    assert "| porn | 98.8% |" in lines
    assert "| sexy | no data |" in lines
    assert "Kept: epoch 5, decided by validation." in lines
    assert f"The last three layers of model {'a' * 12}, trained further with config" in lines


def test_a_head_without_validation_images_says_so():
    text = card.head_card(head_config(validation={}))
    assert "There were no images for validation." in text
    assert "| label | images | before | now |" not in text


def test_the_card_of_the_articles_recipe_has_each_phase_and_each_problem():
    seen = {"validation_accuracy": 0.5, "validation_loss": 1.25}
    phases = {
        "head": {"history": [{}, seen, seen], "epoch_kept": 1},
        "fine": {"history": [{}], "epoch_kept": 0},
    }
    device = {"keras": "3", "backend": "tensorflow", "precision": "float32", "accelerators": 0}
    config = {
        "name": "article",
        "parent": PARENT,
        "training": {
            "config": {"seed": 7, "unlock_from": 18},
            "manifest_sha256": MANIFEST,
            "images": {"train": {"cats": 10, "dogs": 8}, "validation": {"cats": 2}},
            "phases": phases,
            "problems": ["dogs: no image for validation."],
            "device": device,
        },
    }
    lines = card.article_card(config).splitlines()
    assert "| cats | 10 | 2 |" in lines
    assert "| dogs | 8 | 0 |" in lines
    assert "| head | 2 | 1 | accuracy 50.0%, loss 1.250 |" in lines
    assert "| fine | 0 | 0 | no images |" in lines
    assert "- dogs: no image for validation." in lines


def test_the_card_of_a_quantized_model_compares_both_graphs():
    graphs = {
        "int8": {"bytes": 24_000_000, "max": 0.1, "p99": 0.02, "within": 0.995, "same": 0.98},
        "float32": {"bytes": 96_000_000, "max": 0, "p99": 0, "within": 1, "same": 1},
    }
    export = {"calibrated_on": 64, "compared_on": 500, "graphs": graphs}
    lines = card.quantized_card({"parent": PARENT, "export": export}).splitlines()
    assert "| int8 | 24.0 MB | 0.1000 | 0.0200 | 99.5% | 98.0% |" in lines
    assert "| float32 | 96.0 MB | 0.0000 | 0.0000 | 100.0% | 100.0% |" in lines
