"""Load the first model, groups, datasets, audit and maintainer into a fresh installation."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from feedback import roles
from feedback.models import AuditSet, Axis, AxisValue, DatasetVersion, ModelVersion
from feedback.services import api_tokens, audits, datasets, ledger, manifests, models
from modeltrain.data import manifest
from modeltrain.model import artifact

AXES = Path(__file__).resolve().parent.parent.parent / "axes.json"


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            ledger.begin()
            load_axes()
            model = first_model()
            audit_set = first_audit_set()
            first_dataset()
            audits.request(model=model, audit_set=audit_set)
            account = first_maintainer()
        if account:
            self.stdout.write(
                f"maintainer: {account['username']}  password: {account['password']}  "
                f"token: {account['token']}\n"
                f"(shown once; kept in {settings.DATA_DIR / 'maintainer.json'})"
            )


def load_axes() -> None:
    axes = json.loads(AXES.read_text())
    rows = Axis.objects.bulk_create(
        [
            Axis(name=name, title=axis["title"], explanation=axis["explanation"])
            for name, axis in axes.items()
        ],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["title", "explanation"],
    )
    AxisValue.objects.bulk_create(
        [
            AxisValue(axis=row, name=name, title=title)
            for row in rows
            for name, title in axes[row.name]["values"].items()
        ],
        update_conflicts=True,
        unique_fields=["axis", "name"],
        update_fields=["title"],
    )


def first_model() -> ModelVersion:
    """Put the published model in service, unless there is a champion already."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    if champion:
        return champion
    folders = [path for path in Path(settings.ARTIFACTS_DIR).glob("*") if path.is_dir()]
    artifacts = [artifact.load(path) for path in folders]
    converted = [candidate for candidate in artifacts if not candidate.config.get("parent")]
    if len(converted) != 1:
        raise CommandError(
            f"The first model is the one converted artifact in {settings.ARTIFACTS_DIR}. "
            f"Received: {len(converted)}. Run `python -m modeltrain convert` first."
        )
    model = models.register(sha256=converted[0].sha256, title="The published model", parent=None)
    models.put_in_service(model)
    return model


def first_audit_set() -> AuditSet:
    rows = manifest.read(settings.DEMO_DIR / "audit.jsonl")
    visibility = {"public_images": True}  # drawings and harmless photographs, free to share
    audit_set, _ = AuditSet.objects.update_or_create(
        name="demo",
        defaults=visibility,
        create_defaults={
            **visibility,
            "manifest_sha256": manifests.publish(rows),
            "images": len(rows),
            "card": (settings.DEMO_DIR / "CARD.md").read_text(),
        },
    )
    return audit_set


def first_dataset() -> None:
    """Create the first dataset from photographs only. Drawings follow when they are reported."""
    if DatasetVersion.objects.exists():
        return
    pool = manifest.read(settings.DEMO_DIR / "pool.jsonl")
    rows = [row for row in pool if row.groups.get("medium") == "photograph"]
    datasets.create_first(rows)


def first_maintainer() -> dict[str, str] | None:
    groups = [Group.objects.get_or_create(name=name)[0] for name in roles.GROUPS]
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(15)
    user = User.objects.create_superuser("maintainer", password=password)
    user.groups.set(groups)
    _, secret = api_tokens.add(
        owner=user,
        name="Made with the first account",
        scopes=api_tokens.scopes_of_role(user),
        expires_on=api_tokens.last_possible_day(),
    )
    account = {
        "username": user.username,
        "password": password,
        "token": secret,
    }
    _write_private(settings.DATA_DIR / "maintainer.json", json.dumps(account, indent=2) + "\n")
    return account


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
