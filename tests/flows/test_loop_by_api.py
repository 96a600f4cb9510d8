"""Somebody shows that the model is wrong, and the next model is better for them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.flows.api import Api, wait_until
from tests.flows.conftest import processes_of

REPORTS = 24


@pytest.fixture
def api(site) -> Api:
    return Api(site)


def drawings_called_neutral(site, api, count):
    pictures = []
    for picture in site.pictures(lambda row: row.groups.get("medium") == "vector"):
        if api.classify(picture)["label"] == "neutral":
            pictures.append(picture)
        if len(pictures) == count:
            break
    return pictures


def recall(audit, label):
    return 1 - audit["figures"]["classes"][label]["error"]["rate"]


def decide_all(api):
    for case in api.get("triage/?page_size=200")["results"]:
        api.post(f"triage/{case['id']}/decision/", outcome="accepted")


def start(api):
    opened = api.post("retrains/")
    api.post(f"retrains/{opened['id']}/approve/")
    return opened["id"]


def test_the_loop(site, api):
    before = api.wait("models/v1/audit/", lambda audit: audit["status"] == "done")
    assert recall(before, "drawings") < 0.1
    pictures = drawings_called_neutral(site, api, REPORTS)
    receipts = [api.report(picture) for picture in pictures]
    api.wait("triage/", lambda page: page["count"] == len(receipts), 60)
    decide_all(api)

    # A training process that is killed is replaced by itself.
    killed = start(api)
    running = api.wait(f"retrains/{killed}/", lambda retrain: retrain["progress"].get("pid"))
    pid = running["progress"]["pid"]
    os.kill(pid, signal.SIGKILL)
    api.wait(f"retrains/{killed}/", lambda retrain: retrain["progress"].get("pid", pid) != pid)
    api.post(f"retrains/{killed}/cancel/")

    # The next one learns from what the first version held back, too.
    again = start(api)
    assert api.refused(f"retrains/{again}/approve/")[0] == 409
    done = api.wait(
        f"retrains/{again}/", lambda retrain: retrain["status"] not in {"approved", "running"}
    )
    assert done["status"] == "evaluated", done["failure"]
    cells = {(cell["axis"], cell["value"]): cell for cell in done["gate"]["cells"]}
    assert cells["class", "drawings"]["verdict"] == "pass"
    assert cells["class", "porn"]["verdict"] == "insufficient data"
    assert done["gate"]["verdict"] != "pass"

    promote = f"retrains/{again}/promote/"
    assert api.refused(promote)[0] == 409
    reason = "No explicit image is kept here, by choice."
    gaps = [f"{gap['axis']}={gap['value']}" for gap in done["gate"]["gaps"]]
    api.post(promote, override_reason=reason, acknowledged_gaps=gaps)
    assert api.refused(promote, override_reason="Again.")[0] == 409
    states = {model["version"]: model["status"] for model in api.get("models/")["results"]}
    assert states == {"v1": "retired", done["candidate"]: "champion"}
    assert api.classify(pictures[0])["model"]["version"] == done["candidate"]

    after = api.get(f"models/{done['candidate']}/audit/")
    assert recall(after, "drawings") > 0.7
    for receipt in receipts:
        story = api.wait(f"reports/{receipt}/", lambda story: story["status"] == "answered", 60)
        example = story["examples"][0]
        assert (example["then"]["model"], example["then"]["label"]) == ("v1", "neutral")
        assert example["now"]["model"] == done["candidate"]

    listed = api.get(f"reports/?state=answered&model={done['candidate']}")
    assert listed["count"] == len(receipts)
    assert the_ledger_is_unbroken(site, kinds={"promotion": 2, "override": 1, "approval": 2})


def the_ledger_is_unbroken(site, *, kinds):
    """What anybody can do: download both files, and run one on the other."""
    for name in ("ledger.jsonl", "ledger/check_ledger.py"):
        (site.data_dir / Path(name).name).write_bytes(requests.get(f"{site.url}/{name}").content)
    lines = (site.data_dir / "ledger.jsonl").read_text().splitlines()
    counted = Counter(json.loads(line)["kind"] for line in lines)
    assert {kind: counted[kind] for kind in kinds} == kinds
    command = [sys.executable, "check_ledger.py", "ledger.jsonl"]
    return subprocess.run(command, cwd=site.data_dir).returncode == 0


def test_the_site_goes_on_when_a_worker_dies(site, api):
    """The supervisor starts another worker, and nobody has to do anything."""
    picture = site.pictures(lambda row: True)[0]
    (worker,) = (
        pid
        for pid, command in processes_of(site.data_dir).items()
        if "--queues inference" in command and parent_of(pid) in supervisors(site)
    )
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in processes_of(site.data_dir), 30)
    wait_until(lambda: requests.get(f"{site.url}/health/ready/", timeout=10).ok, 60)
    assert api.classify(picture)["label"]


def supervisors(site):
    processes = processes_of(site.data_dir)
    return [pid for pid, command in processes.items() if "supervisord" in command]


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
