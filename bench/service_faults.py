"""Damage the model in service, and kill promotions: a whole model always answers.

    PYTHONPATH=. .venv/bin/python bench/service_faults.py --artifacts var/artifacts

Flips a bit or cuts off the end of a file of the champion at 100 random places, and each time asks
which model would answer after a restart. Then kills (-9) 100 processes at random moments while they
promote models by turns, and each time counts the champions and loads the one there is. About three
minutes on two cores. Exits with 1 if a damaged model answered, or if there was not one champion.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.temporary_site import site

PROMOTE_FOREVER = """
import django
django.setup()
from feedback.models import ModelVersion
from feedback.services import models
print("started", flush=True)
while True:
    for model in ModelVersion.objects.exclude(status=ModelVersion.Status.CHAMPION):
        models.put_in_service(model)
"""


def damage(path: Path, choice: random.Random) -> str:
    size = path.stat().st_size
    place = choice.randrange(size)
    if choice.random() < 0.5:
        with path.open("r+b") as file:
            file.truncate(place)
        return f"{path.name} cut off at {place:,}"
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0] ^ (1 << choice.randrange(8))
        file.seek(place)
        file.write(bytes([byte]))
    return f"a bit of {path.name} flipped at {place:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artifacts", type=Path, required=True, help="with the published model")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    published = next(path.parent for path in sorted(args.artifacts.glob("*/MANIFEST.sha256")))
    choice, wrong = random.Random(args.seed), []
    with tempfile.TemporaryDirectory() as name, site(Path(name)):
        from feedback import queries
        from feedback.models import ModelVersion
        from feedback.services import ledger, models
        from modeltrain.model import artifact

        folder = Path(name) / "artifacts"
        first = artifact.load(
            Path(shutil.copytree(published, folder / published.name, dirs_exist_ok=True))
        )
        files = {path.name: path for path in published.iterdir() if path.name != artifact.MANIFEST}
        second = artifact.write(parent=folder, files={**files, "card.md": b"The successor."})
        ledger.begin()
        for title, written in (("first", first), ("second", second)):
            models.put_in_service(models.register(sha256=written.sha256, title=title, parent=None))
        champion = queries.models.champion()
        assert champion is not None
        for _ in range(args.times):
            path = choice.choice(sorted(champion.folder.iterdir()))
            original = path.read_bytes()
            what = damage(path, choice)
            models._classifier.cache_clear()  # as after a restart of the worker
            models.check_service()
            model, _ = models.classifier_in_service()
            if model == champion and path.read_bytes() != original:
                wrong.append(f"answered with {what}")
            path.write_bytes(original)
        models.check_service()
        print(f"{args.times} times damaged: {len(wrong)} times a damaged model answered")
        if models.classifier_in_service()[0] != champion:
            wrong.append("the restored champion does not answer")

        kills_during_promotion = 0
        for _ in range(args.times):
            process = subprocess.Popen(
                [sys.executable, "-c", PROMOTE_FOREVER], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(choice.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            kills_during_promotion += process.wait() == -signal.SIGKILL
            champions = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION)
            if len(champions) != 1:
                wrong.append(f"{len(champions)} champions after a kill")
            else:
                artifact.load(champions[0].folder)
        promotions = list(ledger.problems())
        print(f"{kills_during_promotion} promotions killed; the ledger has {len(promotions)} flaws")
        wrong += promotions
    for text in wrong:
        print(f"WRONG: {text}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
