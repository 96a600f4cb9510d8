"""Back up this installation, restore it into a new folder, and compare the two.

    make rehearse-restore          (DATA_DIR= names the installation; it may run meanwhile)

With PostgreSQL, REHEARSAL_DATABASE_URL= names an empty database, which keeps what was restored.
Exits 1 if a dataset, a model or the ledger differs. Nothing of the rehearsal is kept.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup.steps import ROOT, fail


def manage(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        fail("Every step of a rehearsal must succeed.", " ".join(command), "See its message above.")
    return done.stdout


def main() -> None:
    database = os.environ.get("REHEARSAL_DATABASE_URL", "")
    if os.environ.get("DATABASE_URL", "").startswith("postgres") and not database:
        fail(
            "With PostgreSQL, a rehearsal restores into an empty database of its own.",
            "none",
            "Create one, and name it: make rehearse-restore REHEARSAL_DATABASE_URL=postgres://…",
        )
    with tempfile.TemporaryDirectory(prefix="speakup-rehearsal-") as folder:
        backup, data_dir = Path(folder) / "backup.tar", Path(folder) / "data"
        print(manage("backup", str(backup)), end="", flush=True)
        new = {
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database,
            "SECRET_KEY": "for the rehearsal",
        }
        print(manage("restore", str(backup), **new), end="", flush=True)
        restored = json.loads(manage("fingerprint", **new))
        manage("verify_ledger", **new)
    # People may have worked on the site since the backup, so it may hold more by now.
    manage("verify_ledger", f"--head={restored['ledger']['hash']}")
    here = json.loads(manage("fingerprint"))
    for part in ("datasets", "models"):
        for name, sha256 in restored[part].items():
            if here[part].get(name) != sha256:
                fail(
                    "A restored backup must hold what was backed up.",
                    f"{part} {name}: {sha256} restored, {here[part].get(name)} here",
                    "See docs/reliability.md, and do not rely on this backup.",
                )
    print(
        f"The same: {len(restored['datasets'])} datasets, {len(restored['models'])} models, "
        f"{restored['images']} images, {restored['ledger']['entries']} entries in the ledger, "
        f"newest hash {restored['ledger']['hash'][:12]}"
    )


if __name__ == "__main__":
    main()
