"""The cast: Rosa reports, Ravi reviews, Mona maintains, Sam is a stranger."""

import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.files.storage import storages as file_storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from feedback import roles
from feedback.management.commands.load_demo import load_axes
from feedback.models import Audit, AuditSet, Classification, ModelVersion, Report, StoredImage
from feedback.services import api_tokens, audits, images, manifests, reports, verdicts
from feedback.services.counterparts import Pair
from modeltrain.audit import columns, evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.model import artifact
from setup import supervision
from setup.steps import digest
from tests.conftest import ROOT, noise, png
from tests.turns import alone

DARK, LIGHT = {"skin_tone": "dark"}, {"skin_tone": "light"}
SCORES = {"drawings": 0.05, "hentai": 0.01, "neutral": 0.9, "porn": 0.02, "sexy": 0.02}


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None) -> bool:
    """Start from a copy of a migrated database, which is kept for later runs, too.

    Django migrates the copy as well, so a migration that is not in it yet is run.
    """
    migrations = sorted((ROOT / "feedback" / "migrations").glob("*.py"))
    key = digest(ROOT / "requirements" / "run.txt", ROOT / "nsfwsite" / "settings.py", *migrations)
    migrated = ROOT / "var" / "test-databases" / f"{key[:12]}.sqlite3"
    with alone("database"):
        if not migrated.is_file():
            migrated.parent.mkdir(parents=True, exist_ok=True)
            part = migrated.with_suffix(".part")
            part.unlink(missing_ok=True)
            command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
            environment = {**os.environ, "DATABASE_URL": f"sqlite:///{part}"}
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
            part.rename(migrated)
        shutil.copyfile(migrated, connection.settings_dict["TEST"]["NAME"])
    return True


def upload(seed: int = 0) -> SimpleUploadedFile:
    return SimpleUploadedFile("picture.png", png(seed), content_type="image/png")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, settings, monkeypatch) -> None:
    """Files of one test are seen by no other."""
    storages = {name: {**storage} for name, storage in settings.STORAGES.items()}
    for name in ("incoming", "images"):
        storages[name] = {
            **storages[name],
            "OPTIONS": {"location": tmp_path / name, "file_permissions_mode": 0o600},
        }
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = storages
    # A field asks for its storage once, when its model is loaded.
    for model, field, name in (
        (Classification, "upload", "incoming"),
        (StoredImage, "file", "images"),
    ):
        monkeypatch.setattr(model._meta.get_field(field), "storage", file_storages[name])
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for name in (
        "ARTIFACTS_DIR",
        "MANIFESTS_DIR",
        "RUNS_DIR",
        "FEATURES_DIR",
        "DEMO_DIR",
        "AUDIT_IMAGES_DIR",
    ):
        setattr(settings, name, tmp_path / name.removesuffix("_DIR").lower())


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    yield
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushall()


class StalledRedis:
    """A Redis that accepts connections and answers nothing until it is told to go on."""

    def __init__(self, folder: Path) -> None:
        self.process = supervision.start_redis(folder)
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.resume()
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def stalled_redis(settings) -> Iterator[StalledRedis]:
    with tempfile.TemporaryDirectory(prefix="speakup-redis-") as folder:  # a short path: 107 bytes
        server = StalledRedis(Path(folder))
        settings.REDIS_URL = f"unix://{folder}/redis.sock"
        yield server
        server.stop()


def register_worker(queue: str = "inference") -> None:
    """Have the site think that a worker reads this queue; nobody answers what is put there."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set(f"heartbeat:{queue}", "a worker", ex=60)


def whole_artifact(name: str) -> str:
    """Write a small artifact whose files are whole, and return its hash."""
    files = {"model.onnx": name.encode(), "labels.json": b'["neutral"]', "config.json": b"{}"}
    return artifact.write(parent=Path(settings.ARTIFACTS_DIR), files=files).sha256


def finished_audit(model: ModelVersion, audit_set: AuditSet, predicted: list[Predicted]) -> Audit:
    """As the workers leave an audit when a model has answered so."""
    audit = audits.request(model=model, audit_set=audit_set)
    audit.predictions.parent.mkdir(parents=True, exist_ok=True)
    columns.write(audit.predictions, columns.from_predicted(predicted))
    audits.finish(audit=audit, figures=evaluate.audit(predicted))
    return audit


@contextlib.contextmanager
def before_next_update(act: Callable[[], object]) -> Iterator[None]:
    """Let something happen just before the next UPDATE, as if another process did it."""
    pending = [act]

    def execute(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and pending:
            pending.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
    assert not pending, "Nothing was updated."


def premises(model: ModelVersion) -> dict[str, Any]:
    """What a verdict that was reached just now, against this model, was reached with."""
    audit_set = AuditSet.objects.order_by("-pk").first() or AuditSet.objects.create(
        name="premises", manifest_sha256=manifests.publish([]), images=0
    )
    return {
        "judged_against": model,
        "audit_set": audit_set,
        "policy_sha256": verdicts.policy_sha256(),
        "evaluated_at": timezone.now(),
    }


def account(name: str, *groups: str) -> User:
    user = User.objects.create_user(name, password="a long enough password")
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def token_of(user: User, *scopes: str, days: int = 1) -> str:
    """The secret of a new token with these scopes, or with all that the role allows."""
    _, secret = api_tokens.add(
        owner=user,
        name="a program",
        scopes=scopes or api_tokens.scopes_of_role(user),
        expires_on=timezone.localdate() + datetime.timedelta(days=days),
    )
    return secret


@pytest.fixture
def ravi(db) -> User:
    return account("ravi", roles.REVIEWERS)


@pytest.fixture
def mona(db) -> User:
    return account("mona", roles.REVIEWERS, roles.MAINTAINERS)


@pytest.fixture
def sam(db) -> User:
    return account("sam")


@pytest.fixture
def axes(db) -> None:
    load_axes()


@pytest.fixture
def champion(db) -> ModelVersion:
    return ModelVersion.objects.create(
        number=1,
        sha256="a" * 64,
        title="The published model",
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
    )


@pytest.fixture
def judged(champion) -> Callable[..., Classification]:
    """A classification that the champion has answered."""

    def make(
        seed: int = 0, label: str = "neutral", pixels: bool = True, pale: bool = False
    ) -> Classification:
        picture = noise(seed, (80, 60))
        image = images.store(picture // 2 + 60 if pale else picture)
        classification = Classification.objects.create(
            status=Classification.Status.DONE,
            image=image,
            image_sha256=image.sha256,
            model=champion,
            label=label,
            scores=SCORES,
            finished_at=timezone.now(),
        )
        if not pixels:
            images.delete_image(image)
            classification.refresh_from_db()
        return classification

    return make


@pytest.fixture
def filed(judged, axes) -> Callable[..., Report]:
    """Rosa's report on a drawing that was called neutral."""

    def make(seed: int = 0, **changes) -> Report:
        fields = {
            "classifications": [judged(seed)],
            "kind": Report.Kind.MISCLASSIFIED,
            "expected_label": "drawings",
            "groups": {"medium": "vector"},
            "description": "It is a drawing.",
            "consent_store": True,
            "consent_train": True,
        }
        return reports.submit(**{**fields, **changes})

    return make


@pytest.fixture
def queued(filed) -> Callable[..., Report]:
    """The same, screened and waiting for a reviewer."""

    def make(seed: int = 0, **changes) -> Report:
        report = filed(seed, **changes)
        reports.screen(pk=report.pk)
        report.refresh_from_db()
        return report

    return make


@pytest.fixture
def paired(judged, filed) -> Callable[..., Report]:
    """Rosa's report that two hands are judged differently, screened and waiting."""

    def make(seed: int = 0, **changes) -> Report:
        pair = Pair(judged(seed), judged(seed + 1), (DARK, LIGHT))
        pairs = {"kind": Report.Kind.UNFAIR, "classifications": [], "pairs": [pair]}
        report = filed(**{**pairs, **changes})
        reports.screen(pk=report.pk)
        report.refresh_from_db()
        return report

    return make


@pytest.fixture
def real_champion(db, published, settings) -> ModelVersion:
    """The published model in service, files and all."""
    settings.ARTIFACTS_DIR = published.path.parent
    return ModelVersion.objects.create(
        number=1,
        sha256=published.sha256,
        title="The published model",
        status=ModelVersion.Status.CHAMPION,
        promoted_at=timezone.now(),
    )


@pytest.fixture
def inference_worker(transactional_db, monkeypatch) -> Iterator[None]:
    """A real Celery worker, in a thread, on the tests' Redis."""
    from worker.celery import app

    # It looks whether it should stop when it has waited so long for a message.
    monkeypatch.setitem(app.conf.broker_transport_options, "polling_interval", 0.05)
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["inference", "default"]):
        yield
