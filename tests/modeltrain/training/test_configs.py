"""Configs are loaded by name, changed by field and refused by rule."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from modeltrain.training import configs
from modeltrain.training.config_rules import ConfigRefused
from tests.conftest import ROOT


@pytest.mark.parametrize("name", configs.NAMES)
def test_every_config_has_its_own_name(name):
    assert configs.get(name).name == name


def test_fields_are_changed_without_touching_the_rest():
    changed = configs.get("article", ["fine.epochs=3", "copies=0", "balance=false", "seed=7"])
    assert (changed.fine.epochs, changed.copies, changed.balance, changed.seed) == (3, 0, False, 7)
    assert changed.head == configs.get("article").head
    assert changed.fine.batch == configs.get("article").fine.batch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("fine.learning_rate=-0.1", r"Phase\.learning_rate must be a number over 0\. Received: -0"),
        ("head.learning_rate=0", r"Phase\.learning_rate must be a number over 0"),
        ("head.learning_rate=NaN", r"Phase\.learning_rate must be a number over 0"),
        ("head.batch=0", r"Phase\.batch must be a number of at least 1"),
        ("head.decay=1.5", r"Phase\.decay must be a number from 0\.01 to 1"),
        ("unlock_from=95", r"ArticleConfig\.unlock_from must be a number from 1 to 94"),
        ("copies=1.5", r"copies must be a int"),
        ("balance=1", r"balance must be a bool"),
        ("epochs=3", r"ArticleConfig has name, seed"),
        ("head=3", r"head must be a Phase"),
        ("seed.x=3", r"seed must be a int"),
        ("seed", r"must be FIELD=VALUE"),
    ],
)
def test_an_impossible_change_is_refused(change, message):
    with pytest.raises(ConfigRefused, match=message):
        configs.get("article", [change])


@pytest.mark.parametrize("change", ["learning_rate=-1", "distil=2", "l2_sp=-0.1", "epochs=0"])
def test_the_sites_config_follows_the_rules_too(change):
    with pytest.raises(ConfigRefused, match=change.partition("=")[0]):
        configs.get("head", [change])


def test_an_unknown_config_is_refused_with_the_known_ones():
    with pytest.raises(ConfigRefused, match="article, fine-tune, head"):
        configs.get("nonsense")


@pytest.mark.parametrize("name", configs.NAMES)
def test_a_config_comes_back_from_its_own_fields_as_json(name):
    fields = json.loads(json.dumps(asdict(configs.get(name))))
    assert configs.from_fields({"recipe": name, **fields}) == configs.get(name)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("toml", 'recipe = "fine-tune"\ncopies = 2\n[fine]\nepochs = 3\n'),
        ("yaml", "recipe: fine-tune\ncopies: 2\nfine: {epochs: 3}\n"),
        ("json", '{"recipe": "fine-tune", "copies": 2, "fine": {"epochs": 3}}'),
    ],
)
def test_a_file_changes_fields_of_the_recipe_that_it_names(tmp_path, suffix, text):
    path = tmp_path / f"own.{suffix}"
    path.write_text(text)
    config = configs.get(str(path), ["seed=7"])
    assert config == configs.get("fine-tune", ["copies=2", "fine.epochs=3", "seed=7"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('recipe = "fine-tune"\nlearning_rate = 1', "FineTuneConfig has name, seed, fine"),
        ('recipe = "fine-tune"\n[fine]\nlearning_rate = -1', r"over 0\. Received: -1"),
        ('recipe = "fine-tune"\nunlock_from = 50', "from 51 to 94"),
        ('recipe = "head"\ndropout = [0.5, 2]', "two numbers from 0 to 0.9"),
        ("epochs = 3", "must name its recipe: article, fine-tune, head. Received: 'None'"),
        ("recipe =", r"a readable \.toml file"),
    ],
)
def test_a_wrong_file_is_refused_before_a_library_is_loaded(tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigRefused, match=message):
        configs.read(path)


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ConfigRefused, match=r"ends in \.toml, \.yaml, \.yml, \.json"):
        configs.read(tmp_path / "own.ini")


def test_configs_and_costs_load_no_machine_learning_library():
    code = (
        "import sys, modeltrain.training.cost; print({'keras', 'numpy', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "set()\n", done.stderr
