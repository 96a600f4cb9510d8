"""The recipes by which a candidate may be trained: what each does, needs and costs."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from feedback import queries
from feedback.errors import Invalid, RecipeRefused
from feedback.models import DatasetVersion, ModelVersion, Retrain, TrainingConfig
from feedback.services import manifests
from modeltrain.data import arrays, manifest
from modeltrain.data.manifest import Row
from modeltrain.formatting import duration
from modeltrain.labels import LABELS
from modeltrain.training import configs, cost
from modeltrain.training.config_rules import ConfigRefused

HEAD = "head"
# In the order in which a maintainer chooses: the first is the default.
SENTENCES = {
    "head": "Trains the last three layers on what was reported. Everything below them stays.",
    "fine-tune": "Trains the last three layers and the convolutions from the 56th on, on changed "
    "copies of the images. It is slower, and can learn what the last layers alone cannot.",
    "article": "Trains three new last layers, then the convolutions from the 56th on. It keeps "
    "nothing of what the model in service knows about a class, so each class needs images.",
}


@dataclass(frozen=True)
class Recipe:
    """A way to train a candidate.

    Attributes
    ----------
    name : str
        A built-in recipe's name, or the hash of an operator's config.
    title : str
        For people to read.
    sentence : str
        What it does.
    config
        The config of `modeltrain.training.configs`.
    kind : str
        The built-in recipe that it is or changes.
    problem : str
        Why this release cannot read the operator's config; then `config` is that of `head`.
    """

    name: str
    title: str
    sentence: str
    config: configs.Config
    kind: str
    problem: str = ""

    @property
    def is_deep(self) -> bool:
        """Whether it trains convolutions."""
        return self.kind != HEAD

    @property
    def limit_seconds(self) -> int:
        """How long its process may run."""
        seconds: int = settings.DEEP_RETRAIN_SECONDS if self.is_deep else settings.RETRAIN_SECONDS
        return seconds


@dataclass(frozen=True)
class RecipeOffer:
    """A recipe as a maintainer may choose it now.

    Attributes
    ----------
    recipe : Recipe
    train, images : int
        The images that it would learn from, without and with those for validation.
    seconds : float
        That it would take at most, with the audits.
    runs : int
        Earlier runs of this kind here, none of them resumed.
    errors : list of float
        By which share of the estimate each of them took longer (or, below 0, less).
    refusal : RecipeRefused or None
        Why it cannot be chosen.
    """

    recipe: Recipe
    train: int
    images: int
    seconds: float
    runs: int
    errors: list[float]
    refusal: RecipeRefused | None

    @property
    def largest_error(self) -> float | None:
        """Of the earlier estimates, as a share, without its sign."""
        return max(map(abs, self.errors), default=None)


def add_config(path: Path) -> TrainingConfig:
    """Read an operator's config, and keep it by the hash of its fields.

    Raises
    ------
    Invalid
        When a field is wrong.
    """
    try:
        config = configs.read(path)
    except ConfigRefused as refused:
        raise Invalid(
            rule="A config has the fields of the recipe that it changes, with possible values.",
            received=str(refused),
            remedy="Correct the file.",
        ) from refused
    fields = {**asdict(config), "recipe": _kind(config)}
    text = json.dumps(fields, sort_keys=True)
    return TrainingConfig.objects.get_or_create(
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        defaults={"title": path.stem[:80], "fields": json.loads(text)},
    )[0]


def _kind(config: configs.Config) -> str:
    return next(name for name in configs.NAMES if type(config) is type(configs.get(name)))


def named(name: str) -> Recipe:
    """Return the recipe with this name, or with this hash or its first 12 digits.

    Raises
    ------
    Invalid
        When there is none.
    """
    if name in SENTENCES:
        return Recipe(name, name, SENTENCES[name], configs.get(name), name)
    own = TrainingConfig.objects.filter(sha256__startswith=name) if len(name) >= 12 else None
    if own is None or own.count() != 1:
        raise Invalid(
            rule=f"A recipe is one of {', '.join(SENTENCES)}, or the hash of a config that was "
            "added to this site.",
            received=repr(name[:80]),
            remedy="Choose one of these, or have an operator add the config with "
            "`manage.py add_config`.",
        )
    return _own(own.get())


def _own(stored: TrainingConfig) -> Recipe:
    try:
        config = configs.from_fields(stored.fields)
    except ConfigRefused as refused:
        sentence = "This release cannot read it."
        return Recipe(stored.sha256, str(stored), sentence, configs.get(HEAD), HEAD, str(refused))
    kind = _kind(config)
    changed = _changes(asdict(configs.get(kind)), asdict(config))
    sentence = f"{SENTENCES[kind]} Changed: {', '.join(changed) or 'nothing'}."
    return Recipe(stored.sha256, str(stored), sentence, config, kind)


def _changes(before: dict[str, Any], after: dict[str, Any], above: str = "") -> list[str]:
    changes = []
    for name, value in after.items():
        if isinstance(value, dict):
            changes += _changes(before[name], value, f"{above}{name}.")
        elif value != before[name]:
            changes.append(f"{above}{name} {value}")
    return changes


def all_recipes() -> list[Recipe]:
    return [*map(named, SENTENCES), *map(_own, TrainingConfig.objects.all())]


def offers() -> list[RecipeOffer]:
    """Every recipe, with what it would use and cost if it was proposed now."""
    champion = queries.models.champion()
    if champion is None:
        return []
    shares, work = _images_now(champion)
    return [_offer(recipe, champion, shares, work) for recipe in all_recipes()]


def current_offer(recipe: Recipe, champion: ModelVersion) -> RecipeOffer:
    """What a recipe would use and cost if it was proposed now, before any report is folded in."""
    return _offer(recipe, champion, *_images_now(champion))


def _images_now(champion: ModelVersion) -> tuple[dict[str, Counter[str]], cost.Workload]:
    """The images that a retrain would use if it was proposed now, and their number."""
    opened = Retrain.objects.filter(base=champion, status__in=Retrain.OPEN).first()
    dataset = opened.dataset if opened else DatasetVersion.objects.first()
    rows: list[Row] = []
    if dataset and dataset.manifest.is_file():
        rows = manifests.existing_rows(manifest.read(dataset.manifest))
    waiting: Counter[str] = Counter() if opened else queries.reports.learnable_labels()
    shares = _labels_by_split(rows)
    shares["train"] += waiting
    return shares, _workload(champion, rows, waiting=sum(waiting.values()))


def offer(recipe: Recipe, champion: ModelVersion, rows: Sequence[Row]) -> RecipeOffer:
    """What a recipe would use and cost on these rows."""
    return _offer(recipe, champion, _labels_by_split(rows), _workload(champion, rows))


def _offer(
    recipe: Recipe, champion: ModelVersion, shares: dict[str, Counter[str]], work: cost.Workload
) -> RecipeOffer:
    finished = (
        Retrain.objects.filter(attempt=1, evaluated_at__isnull=False)
        .exclude(stages={})
        .order_by("-pk")
    )
    runs, earlier = list(finished.filter(config=recipe.kind)[:10]), list(finished[:10])
    costs = cost.unit_costs(
        [run.stages for run in earlier], train=[run.estimate.get("train", 0) for run in earlier]
    )
    seconds = cost.estimate_seconds(recipe.config, work, costs)
    return RecipeOffer(
        recipe=recipe,
        train=work.train,
        images=work.train + work.validation,
        seconds=seconds,
        runs=len(runs),
        errors=[
            measured_seconds(run) / run.estimate["seconds"] - 1
            for run in runs
            if run.estimate.get("seconds")
        ],
        refusal=_unmet(recipe, champion, shares, seconds),
    )


def measured_seconds(retrain: Retrain) -> float:
    """How long a finished training and its audits took."""
    return float(sum(stage["seconds"] for stage in retrain.stages.values()))


def _labels_by_split(rows: Iterable[Row]) -> dict[str, Counter[str]]:
    shares: dict[str, Counter[str]] = {"train": Counter(), "validation": Counter()}
    for row in rows:
        if row.split in shares:
            shares[row.split][row.label] += 1
    return shares


def _workload(champion: ModelVersion, rows: Sequence[Row], *, waiting: int = 0) -> cost.Workload:
    splits = Counter(row.split for row in rows)
    learnt = [row for row in rows if row.split in ("train", "validation")]
    audit_set = queries.audits.deciding_set()
    audited = queries.audits.finished_audit(champion, audit_set) is not None
    return cost.Workload(
        train=splits["train"] + waiting,
        validation=splits["validation"],
        without_features=_without_features(champion, learnt) + waiting,
        audits=(audit_set.images if audit_set else 0) * (1 if audited else 2),
    )


def _without_features(champion: ModelVersion, rows: Sequence[Row]) -> int:
    path = champion.folder / "config.json"
    base = json.loads(path.read_text()).get("base_sha256") if path.is_file() else None
    if base is None:
        return len(rows)
    folder = Path(settings.FEATURES_DIR) / base[:12]
    return sum(not arrays.path_of(folder, row.sha256).is_file() for row in rows)


def _unmet(
    recipe: Recipe, champion: ModelVersion, shares: dict[str, Counter[str]], seconds: float
) -> RecipeRefused | None:
    if recipe.problem:
        return RecipeRefused(
            rule="A config has fields that this release knows.",
            received=recipe.problem,
            remedy="Have an operator add a config of this release with `manage.py add_config`.",
        )
    present = {label for split in shares.values() for label, count in split.items() if count}
    if recipe.kind == "article":
        missing = [label for label in _labels_of(champion) if not shares["train"][label]]
        if missing:
            return RecipeRefused(
                rule=f"The recipe {recipe.title} needs images of every class to learn from.",
                received=f"none of {', '.join(missing)}",
                remedy="Choose head or fine-tune, which keep what the model in service knows.",
            )
    elif len(present) < 2:
        return RecipeRefused(
            rule=f"The recipe {recipe.title} needs images of two classes, or the model gives one "
            "answer to everything.",
            received=f"images of {', '.join(sorted(present)) or 'none'}",
            remedy="Accept reports of another class first.",
        )
    if seconds > recipe.limit_seconds:
        return RecipeRefused(
            rule=f"The recipe {recipe.title} may run for {duration(recipe.limit_seconds)}.",
            received=f"an estimate of {duration(seconds)}",
            remedy="Choose head, or a config with fewer copies or epochs.",
        )
    return None


def _labels_of(champion: ModelVersion) -> Sequence[str]:
    path = champion.folder / "labels.json"
    return list(json.loads(path.read_text())) if path.is_file() else LABELS
