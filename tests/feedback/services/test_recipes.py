"""What maintainers choose from: a sentence, images, a cost, and what is missing."""

import pytest
from django.utils import timezone

from feedback.errors import Invalid, RecipeRefused
from feedback.models import DatasetVersion, ModelVersion, Retrain, TrainingConfig
from feedback.services import manifests, recipes, retrains, triage
from modeltrain.data.manifest import Row
from modeltrain.labels import LABELS
from modeltrain.training import cost

pytestmark = pytest.mark.django_db


def rows(*labels: str, split: str = "train") -> list[Row]:
    return [Row(f"{n:064x}", label, {}, split, "demo", str(n)) for n, label in enumerate(labels)]


@pytest.fixture
def data(champion) -> DatasetVersion:
    return DatasetVersion.objects.create(
        number=1, manifest_sha256=manifests.publish(rows("neutral", "neutral")), images=2
    )


def offers() -> dict[str, recipes.RecipeOffer]:
    return {offer.recipe.name: offer for offer in recipes.offers()}


def test_the_first_recipe_is_the_one_that_is_proposed_unasked():
    assert recipes.all_recipes()[0].name == recipes.HEAD
    assert all(len(sentence) > 40 for sentence in recipes.SENTENCES.values())


def test_waiting_reports_count_before_they_are_folded(data, queued, ravi):
    assert offers()["head"].images == 2
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert offers()["head"].images == 3


def test_while_a_retrain_is_open_its_data_counts(data, queued, ravi, mona):
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    retrains.propose(by=mona)
    triage.decide(report=queued(seed=4), outcome="accepted", by=ravi)
    assert offers()["fine-tune"].images == 3


def test_an_open_retrain_of_another_model_does_not_count(data, champion, mona):
    retired = ModelVersion.objects.create(
        number=9, sha256="9" * 64, title="9", status="retired", promoted_at=timezone.now()
    )
    earlier = DatasetVersion.objects.create(
        number=0, manifest_sha256=manifests.publish([]), images=0
    )
    Retrain.objects.create(base=retired, dataset=earlier, config="head", proposed_by=mona)
    assert offers()["head"].images == 2


def test_without_a_dataset_or_its_file_there_are_no_images_yet(champion, data):
    data.manifest.unlink()
    assert offers()["head"].images == 0
    data.delete()
    assert offers()["head"].images == 0


def test_a_recipe_says_what_is_missing(data, champion, queued, ravi):
    assert "two classes" in offers()["head"].refusal.rule
    assert offers()["head"].refusal.received == "images of neutral"
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert offers()["head"].refusal is offers()["fine-tune"].refusal is None
    refusal = offers()["article"].refusal
    assert refusal.received == "none of hentai, porn, sexy"
    everything = recipes.offer(recipes.named("article"), champion, rows(*LABELS))
    assert everything.refusal is None


def test_a_recipe_that_would_run_past_its_limit_is_refused(champion, settings):
    settings.DEEP_RETRAIN_SECONDS = 60
    offer = recipes.offer(recipes.named("fine-tune"), champion, rows(*LABELS * 300))
    assert "an estimate of" in offer.refusal.received
    assert recipes.offer(recipes.named("head"), champion, rows(*LABELS)).refusal is None


def test_features_that_are_there_cost_nothing(champion, settings):
    images = [*rows("drawings"), *rows("neutral", "neutral", split="validation")[1:]]
    before = recipes.offer(recipes.named("head"), champion, images).seconds
    champion.folder.mkdir(parents=True)
    (champion.folder / "config.json").write_text('{"base_sha256": "0123456789abcdef"}')
    path = settings.FEATURES_DIR / "0123456789ab" / "00" / f"{images[1].sha256}.npy"
    path.parent.mkdir(parents=True)
    path.touch()
    after = recipes.offer(recipes.named("head"), champion, images).seconds
    assert before - after == pytest.approx(cost.REFERENCE.image)


def test_an_estimate_has_the_error_of_earlier_ones(data, champion, queued, ravi, mona):
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    assert offers()["head"].largest_error is None
    run = {
        "base": champion,
        "dataset": data,
        "config": "head",
        "status": "failed",
        "attempt": 1,
        "evaluated_at": "2026-11-28T12:00Z",
        "estimate": {"seconds": 100, "train": 2},
        "stages": {
            "auditing": {"seconds": 90.0, "units": 30},
            "training": {"seconds": 60.0, "units": 20},
        },
        "proposed_by": mona,
    }
    Retrain.objects.create(**run)
    for no_measurement in ({"attempt": 2}, {"evaluated_at": None}, {"stages": {}}):
        Retrain.objects.create(**run | {"estimate": {"seconds": 1, "train": 2}} | no_measurement)
    Retrain.objects.create(**run | {"config": "article", "estimate": {}})
    offer = offers()["head"]
    assert (offer.runs, offer.errors) == (1, [pytest.approx(0.5)])
    assert offer.largest_error == pytest.approx(0.5)
    # Three images at 3 seconds instead of the reference's, and a head at 60.
    assert offer.seconds == pytest.approx(cost.REFERENCE.other + 3 * 3.0 + 60)


def test_a_config_is_kept_once_by_the_hash_of_its_fields(tmp_path):
    toml, yaml = tmp_path / "gentle.toml", tmp_path / "gentle.yaml"
    toml.write_text('recipe = "fine-tune"\nl2_sp = 1.0\n[fine]\nepochs = 2 # few\n')
    yaml.write_text("recipe: fine-tune\nfine: {epochs: 2}\nl2_sp: 1.0\n")
    config = recipes.add_config(toml)
    assert recipes.add_config(yaml) == config
    for name in (config.sha256, config.sha256[:12]):
        recipe = recipes.named(name)
        assert (recipe.kind, recipe.config.fine.epochs, recipe.config.l2_sp) == ("fine-tune", 2, 1)
        assert recipe.sentence.endswith("Changed: fine.epochs 2, l2_sp 1.0.")
    assert recipes.all_recipes()[-1].name == config.sha256
    toml.write_text('recipe = "fine-tune"')
    assert recipes.named(recipes.add_config(toml).sha256).sentence.endswith("Changed: nothing.")


def test_a_wrong_field_is_refused_and_nothing_is_kept(tmp_path):
    path = tmp_path / "wrong.json"
    for text, message in (
        ('{"recipe": "fine-tune", "fine": {"learning_rate": -0.1}}', "a number over 0"),
        ('{"recipe": "fine-tune", "rate": 1}', "FineTuneConfig has name, seed"),
        ('{"recipe": "bigger"}', "must name its recipe"),
        ("{", "a readable .json file"),
    ):
        path.write_text(text)
        with pytest.raises(Invalid, match=message):
            recipes.add_config(path)
    assert not TrainingConfig.objects.exists()


@pytest.mark.parametrize("name", ["nonsense", "", "0" * 64, "0" * 11])
def test_an_unknown_recipe_is_refused_with_the_known_ones(name):
    TrainingConfig.objects.create(sha256="f" * 64, title="another", fields={"recipe": "head"})
    with pytest.raises(Invalid, match="head, fine-tune, article"):
        recipes.named(name)


def test_a_config_that_this_release_cannot_read_is_listed_and_refused(data):
    stored = TrainingConfig.objects.create(
        sha256="f" * 64, title="of another release", fields={"recipe": "head", "warmth": 3}
    )
    offer = offers()[stored.sha256]
    assert "warmth" in offer.refusal.received
    assert recipes.named(stored.sha256).title == str(stored)
    with pytest.raises(RecipeRefused, match="add_config"):
        raise offer.refusal
