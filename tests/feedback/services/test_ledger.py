"""Every decision is recorded once, in order, and any later change is detected."""

import json
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from feedback.models import (
    Audit,
    AuditSet,
    Confirmation,
    DatasetVersion,
    Decision,
    Definition,
    Finding,
    LedgerEntry,
    ModelVersion,
    Report,
    Retrain,
)
from feedback.models.append_only import AppendOnlyViolation
from feedback.models.ledger import canonical, sha256
from feedback.services import audits, datasets, ledger, models, outcomes, reports, retrains, triage
from modeltrain.data.manifest import Row
from tests.cast import premises, whole_artifact

ROOT = Path(__file__).resolve().parent.parent.parent.parent
CHECKER = ROOT / "docs" / "check_ledger.py"
GATE = {"verdict": "blocked", "policy": {"version": 2, "margin": 0.08}, "cells": [{"low": 0.01}]}

pytestmark = pytest.mark.django_db


def entries(kind: str) -> list[dict]:
    return [entry.facts for entry in LedgerEntry.objects.filter(kind=kind).order_by("number")]


def kinds() -> list[str]:
    return list(LedgerEntry.objects.order_by("number").values_list("kind", flat=True))


@pytest.fixture
def promoted(queued, ravi, mona, champion):
    """A report's way to a model that learnt from it, past a gate that had not passed."""
    anchor = Row(
        sha256="b" * 64, label="neutral", groups={}, split="train", source="demo", cluster="owl"
    )
    datasets.create_first([anchor])
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    retrain = retrains.propose(by=mona)
    retrains.approve(retrain=retrain, by=mona)
    candidate = ModelVersion.objects.create(
        number=2, sha256=whole_artifact("candidate"), title="Retrain 1"
    )
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=240)
    audits.finish(
        audit=audits.request(model=candidate, audit_set=audit_set), figures={"error": 0.25}
    )
    Retrain.objects.filter(pk=retrain.pk).update(
        status="evaluated", candidate=candidate, gate=GATE, **premises(champion)
    )
    retrain.refresh_from_db()
    ledger.record_gate(retrain)
    retrains.promote(retrain=retrain, by=mona, override_reason="No explicit image is kept here.")
    report.refresh_from_db()
    reports.move(report=report, sources=["folded"], status="answered")
    outcomes.record(report=report, outcome="answered", model="v2")
    return report


@pytest.fixture
def two_of_each(champion, mona) -> list[Retrain]:
    """Two retrains, with their audits, confirmations, exports and confirmed gaps, all recorded."""
    sets = [
        AuditSet.objects.create(name=name, manifest_sha256=name[0] * 64, images=9)
        for name in ("first", "second")
    ]
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="d" * 64, images=9)
    retrains_of_site = []
    for number in (1, 2):
        gate = {
            "verdict": "pass",
            "policy": {"version": 3},
            "gaps": [
                {"axis": "medium", "value": f"vector{number}", "sentence": "More misses.", "n": 7}
            ],
        }
        candidate = ModelVersion.objects.create(
            number=number + 1, sha256=str(number + 1) * 64, title="A candidate"
        )
        done = {"model": candidate, "status": "done", "finished_at": timezone.now()}
        for audit_set in sets:
            figures = {"error": f"{number} {audit_set.name}"}
            audit = Audit.objects.create(audit_set=audit_set, figures=figures, **done)
            ledger.record_audit(audit)
        export = Finding.objects.create(
            audit=candidate.audits.get(audit_set=sets[0]),
            kind="int8",
            status="done",
            figures={"sha256": f"e{number}", "gate": gate},
            finished_at=timezone.now(),
        )
        ledger.record_export(export)
        retrain = Retrain.objects.create(
            status="declined",
            base=champion,
            candidate=candidate,
            dataset=dataset,
            config="head",
            gate=gate,
            proposed_by=mona,
            decided_by=mona,
            decided_at=timezone.now(),
            acknowledged_gaps=[f"medium=vector{number}"],
            **premises(champion),
        )
        ledger.record_gate(retrain)
        ledger.record_gaps(retrain, by=mona)
        for audit_set in sets:
            confirmation = Confirmation.objects.create(
                retrain=retrain,
                audit_set=audit_set,
                judged_against=champion,
                policy_sha256="3" * 64,
                gate={**gate, "set": audit_set.name} if audit_set is sets[1] else gate,
                requested_by=mona,
                judged_at=timezone.now(),
            )
            ledger.record_confirmation(confirmation)
        retrains_of_site.append(retrain)
    return retrains_of_site


@pytest.fixture
def lines(promoted, client, queued, ravi) -> list[str]:
    """A real download, of a ledger with a few dozen entries."""
    for seed in range(2, 30):
        report = queued(seed)
        triage.decide(report=report, outcome="rejected", by=ravi, reason="A photograph.")
    answer = client.get(reverse("ledger-download"))
    return b"".join(answer.streaming_content).decode().splitlines()


def checked(tmp_path: Path, lines: list[str], *options: str) -> tuple[int, str]:
    """What the checker in the docs says of these lines, and its exit status."""
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    command = [sys.executable, "-I", str(CHECKER), str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_every_step_from_a_report_to_a_model_is_an_entry(promoted) -> None:
    assert kinds() == [
        "genesis",
        "dataset",
        "report",
        "dataset",
        "approval",
        "audit",
        "gate",
        "override",
        "promotion",
        "report",
    ]
    assert [facts["outcome"] for facts in entries("report")] == ["accepted", "answered"]
    assert entries("audit")[0]["figures_sha256"] == sha256({"error": 0.25, "pairs": []})
    assert entries("gate")[0]["policy_sha256"] == sha256(GATE["policy"])
    assert entries("gate")[0]["result_sha256"] == sha256(GATE)
    (override,) = entries("override")
    assert (override["by"], override["reason"]) == ("mona", "No explicit image is kept here.")
    candidate = ModelVersion.objects.get(number=2)
    assert (override["artifact_sha256"], override["verdict"]) == (candidate.sha256, "blocked")
    (promotion,) = entries("promotion")
    assert (promotion["model"], promotion["after"], promotion["by"]) == ("v2", "v1", "mona")


def test_one_person_who_proposes_and_approves_is_named_twice(promoted) -> None:
    (approval,) = entries("approval")

    assert (approval["proposed_by"], approval["by"]) == ("mona", "mona")


def test_a_decision_taken_back_is_an_entry_of_its_own(queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    triage.reopen(report=report, by=ravi)
    triage.decide(report=report, outcome="escalated", by=ravi, reason="Look at this.")

    facts = entries("report")
    assert [entry["outcome"] for entry in facts] == ["accepted", "taken back", "escalated"]
    assert len({entry["report"] for entry in facts}) == 1


def test_a_candidate_that_is_declined_is_an_entry(promoted, mona) -> None:
    Retrain.objects.update(status="evaluated", decided_by=None, decided_at=None)
    retrains.decline(retrain=Retrain.objects.get(), by=mona, reason="Worse for drawings.")

    assert (entries("decline")[0]["reason"], entries("decline")[0]["by"]) == (
        "Worse for drawings.",
        "mona",
    )


def test_a_model_that_comes_back_is_a_rollback(promoted, champion, mona) -> None:
    champion.refresh_from_db()
    models.put_in_service(champion, by=mona)

    (rollback,) = entries("rollback")
    assert (rollback["model"], rollback["after"], rollback["by"]) == ("v1", "v2", "mona")


def test_a_rolled_back_decision_is_not_recorded(queued, ravi) -> None:
    report = queued()
    with transaction.atomic():
        triage.decide(report=report, outcome="accepted", by=ravi)
        transaction.set_rollback(True)

    assert not LedgerEntry.objects.exists()


def test_the_first_entry_is_written_once_and_says_that_history_is_missing(db) -> None:
    ledger.begin()
    ledger.begin()

    assert kinds() == ["genesis"]
    assert "is not in the ledger" in entries("genesis")[0]["says"]


def test_people_are_named_by_their_full_name_if_they_gave_one(mona) -> None:
    assert ledger.name_of(mona) == "mona"
    mona.first_name, mona.last_name = "Mona", "Meyer"
    assert ledger.name_of(mona) == "Mona Meyer"


def test_decisions_outside_a_report_are_entries_with_all_they_consist_of(two_of_each, mona) -> None:
    retrain = two_of_each[0]
    model = {"model": "v2", "artifact_sha256": "2" * 64}
    verdict = {
        "verdict": "pass",
        "policy": 3,
        "policy_sha256": sha256({"version": 3}),
        "result_sha256": sha256(retrain.gate),
    }
    ledger.record_approval_rule(before=1, number=2, by=mona)
    assert entries("keys") == [{"keys": 2, "before": 1, "by": "mona"}]
    assert entries("confirm")[0] == {
        "retrain": retrain.pk,
        **model,
        "against": "v1",
        "audit_set": "first",
        **verdict,
        "by": "mona",
    }
    assert entries("export")[0] == {
        **model,
        "audit_set": "first",
        "export_sha256": "e1",
        **verdict,
    }
    assert entries("gaps")[0] == {
        "retrain": retrain.pk,
        **model,
        "gaps": [{"axis": "medium", "value": "vector1", "sentence": "More misses."}],
        "by": "mona",
    }
    meaning = {"label": "sexy", "version": 2, "meaning": "Clothed.", "borderline": []}
    ledger.record_definition(Definition(**meaning, reason="Clearer.", by=mona))
    assert entries("definition") == [{**meaning, "reason": "Clearer.", "by": "mona"}]


def test_a_verdict_names_the_model_that_it_was_reached_against(two_of_each, champion) -> None:
    retrain, other = two_of_each
    for judged_against, against in ((other.candidate, "v3"), (None, "v1")):
        retrain.judged_against = judged_against
        ledger.record_gate(retrain)
        assert entries("gate")[-1]["against"] == against


def test_an_entry_holds_no_fraction(db) -> None:
    with pytest.raises(TypeError, match="no fractions"):
        ledger.write(ledger.Kind.AUDIT, rates=[{"error": 0.1}])
    assert kinds() == ["genesis"]


def test_reports_are_dated_by_the_day(promoted) -> None:
    for entry in LedgerEntry.objects.all():
        assert len(entry.time) == (10 if entry.kind == "report" else 20)


def test_no_entry_is_changed_or_deleted(promoted) -> None:
    entry = LedgerEntry.objects.get(number=2)
    for forbidden in (
        entry.save,
        entry.delete,
        LedgerEntry.objects.all().delete,
        lambda: LedgerEntry.objects.update(kind="audit"),
    ):
        with pytest.raises(AppendOnlyViolation):
            forbidden()


@pytest.mark.django_db(transaction=True)
def test_two_writers_cannot_fork_the_chain() -> None:
    together = threading.Barrier(4)

    def write(writer: int) -> None:
        together.wait()
        try:
            for step in range(10):
                with transaction.atomic():
                    ledger.write(ledger.Kind.AUDIT, writer=writer, step=step)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    assert list(ledger.problems()) == []
    assert LedgerEntry.objects.count() == 41


# Erasure


def strings(value) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(strings(item) for item in value.values()), set())
    return {value} if isinstance(value, str) else set()


def remaining() -> list[str]:
    """Every value of every table that is left, but for the ledger itself."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        values = set()
        for table in tables:
            if table != LedgerEntry._meta.db_table:
                cursor.execute(f'SELECT * FROM "{table}"')
                values |= {str(value) for row in cursor.fetchall() for value in row}
    return sorted(values)


def test_after_a_withdrawal_no_entry_can_be_linked_to_the_report(
    promoted, django_capture_on_commit_callbacks
) -> None:
    report = Report.objects.get()
    image = report.examples.get().image_sha256
    names = {facts["report"] for facts in entries("report")}
    secret = {report.ledger_key, DatasetVersion.objects.get(number=2).ledger_key}
    linked = names | {facts["sealed"] for facts in entries("report") if "sealed" in facts}
    linked |= {entries("dataset")[-1]["manifest"]}
    assert ledger._hmac(report.ledger_key, f"report {report.pk}") in names  # as long as it stands

    with django_capture_on_commit_callbacks(execute=True):
        reports.withdraw(report=report)

    left = remaining()
    text = "\n".join(entry.line for entry in LedgerEntry.objects.all())
    for plain in (image, report.receipt, report.description, f'"{report.pk}"', "vector", "ravi"):
        assert plain not in text
    assert [value for value in linked | secret if value in "\n".join(left)] == []
    values = [*left, *(f"report {pk}" for pk in range(10))]
    candidates = [
        *values,
        *(ledger._sealed(report, decision) for decision in Decision.objects.all()),
    ]
    keys = ["", *(key for key in left if len(key) >= 16 and set(key) <= set("0123456789abcdef"))]
    for value in candidates:
        plain = value if isinstance(value, str) else canonical(value)
        assert sha256(plain) not in linked
        assert sha256(value) not in linked
        for key in keys:
            assert ledger._hmac(key if len(key) % 2 == 0 else f"0{key}", value) not in linked
    assert list(ledger.problems()) == []
    assert list(ledger.contradictions()) == []


def test_a_withdrawal_erases_only_its_own_keys(queued, ravi) -> None:
    withdrawn, standing = queued(1), queued(2)
    for report in (withdrawn, standing):
        triage.decide(report=report, outcome="accepted", by=ravi)
    reports.withdraw(report=withdrawn)

    assert Report.objects.get(pk=withdrawn.pk).ledger_key == ""
    assert len(Report.objects.get(pk=standing.pk).ledger_key) == 64


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="another database keeps other files")
def test_an_erased_key_is_not_in_the_databases_file(queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    key = Report.objects.get().ledger_key.encode()
    file = Path(str(connection.settings_dict["NAME"]))

    def database_bytes() -> bytes:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes() + file.with_name(f"{file.name}-wal").read_bytes()

    assert key in database_bytes()
    reports.withdraw(report=report)
    assert key not in database_bytes()


def test_a_dataset_that_once_held_it_loses_its_key_too(promoted, ravi) -> None:
    triage.reopen(report=promoted, by=ravi)
    reports.withdraw(report=promoted)

    keys = dict(DatasetVersion.objects.values_list("number", "ledger_key"))
    assert (len(keys[1]), keys[2]) == (64, "")
    assert list(ledger.contradictions()) == []


def test_a_withdrawn_report_that_no_dataset_held_leaves_their_keys(queued, ravi) -> None:
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="d" * 64, images=9)
    report = queued()
    triage.decide(report=report, outcome="accepted", by=ravi)
    DatasetVersion.objects.update(created_at=timezone.now())
    key = ledger.keyed(dataset, "a manifest") and dataset.ledger_key

    ledger.erase_keys(report)

    assert DatasetVersion.objects.get().ledger_key == key != ""
    assert report.ledger_key == ""


@pytest.mark.parametrize("clock_was_set_back", [False, True])
def test_every_dataset_that_may_hold_a_withdrawn_report_loses_its_key(
    promoted, clock_was_set_back
) -> None:
    """The one that took it in, and those after it."""
    later = DatasetVersion.objects.create(number=3, manifest_sha256="f" * 64, images=9)
    ledger.keyed(later, "a manifest")
    if clock_was_set_back:
        DatasetVersion.objects.filter(number=2).update(created_at=timezone.now().replace(year=2020))

    ledger.erase_keys(promoted)

    keys = dict(DatasetVersion.objects.values_list("number", "ledger_key"))
    assert (keys[2], keys[3], bool(keys[1])) == ("", "", True)


def test_two_copies_of_a_row_share_its_key(queued) -> None:
    report = queued()
    copies = Report.objects.get(pk=report.pk), Report.objects.get(pk=report.pk)
    assert len({ledger.keyed(copy, "a value") for copy in copies}) == 1


def test_two_reports_on_the_same_image_do_not_look_alike(queued, judged, ravi) -> None:
    for classification in (judged(1), judged(1)):
        report = queued(classifications=[classification])
        triage.decide(report=report, outcome="accepted", by=ravi)

    first, second = entries("report")
    assert first["sealed"] != second["sealed"]
    assert first["report"] != second["report"]


# Checking


def verified(*options: str) -> str:
    try:
        call_command("verify_ledger", *options)
    except CommandError as refused:
        return str(refused)
    return ""


def rewrite(sql: str, *values) -> None:
    """As somebody with the database in hand could."""
    with connection.cursor() as cursor:
        cursor.execute(f"{sql.replace('LEDGER', LedgerEntry._meta.db_table)}", values)


def test_an_untouched_ledger_is_unbroken(lines, tmp_path) -> None:
    head = json.loads(lines[-1])["hash"]

    assert verified("--head", head) == ""
    assert checked(tmp_path, lines, "--head", head) == (
        0,
        f"{len(lines)} entries, unbroken. The newest hash: {head}\n",
    )


def test_a_changed_entry_is_named(promoted) -> None:
    rewrite("UPDATE LEDGER SET facts = %s WHERE number = 8", '{"by":"sam"}')

    assert verified() == "Entry 8 was changed: its hash is not that of its content."


def test_a_changed_entry_with_a_new_hash_is_named(promoted) -> None:
    entry = LedgerEntry.objects.get(number=8)
    entry.facts["by"] = "sam"
    rewrite(
        "UPDATE LEDGER SET facts = %s, hash = %s WHERE number = 8",
        json.dumps(entry.facts),
        sha256(entry.content),
    )

    assert verified() == "Entry 9 does not follow entry 8: one of them was replaced."


def test_a_dropped_entry_is_named(promoted) -> None:
    rewrite("DELETE FROM LEDGER WHERE number = 5")

    assert verified() == "Entries 5 to 5 are missing."


def test_two_swapped_entries_are_named(promoted) -> None:
    rewrite("UPDATE LEDGER SET number = 99 WHERE number = 5")
    rewrite("UPDATE LEDGER SET number = 5 WHERE number = 6")
    rewrite("UPDATE LEDGER SET number = 6 WHERE number = 99")

    assert "Entry 5 was changed" in verified()
    assert "Entry 6 was changed" in verified()


def test_a_cut_tail_shows_only_by_a_hash_noted_before(promoted) -> None:
    head = LedgerEntry.objects.latest("number").hash
    rewrite("DELETE FROM LEDGER WHERE number > 7")

    assert verified() == ""
    assert verified("--head", head).startswith("No entry has the hash that was noted")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda: Audit.objects.update(figures={"error": 0.0}), "audit"),
        (lambda: Retrain.objects.update(gate={**GATE, "verdict": "pass"}), "gate"),
        (lambda: Decision.objects.update(label="neutral"), "report"),
        (lambda: DatasetVersion.objects.filter(number=2).update(manifest_sha256="0"), "dataset"),
    ],
)
def test_a_change_in_the_database_is_named(promoted, change, kind) -> None:
    change()

    assert f"({kind}) is not what the database holds now." in verified()


def test_an_empty_ledger_lacks_even_its_first_entry(db) -> None:
    assert list(ledger.problems()) == ["There is no entry, not even the first."]


def test_every_entry_is_compared_with_its_own_row(two_of_each) -> None:
    assert list(ledger.contradictions()) == []


def test_of_a_repeated_audit_or_verdict_the_last_entry_counts(two_of_each) -> None:
    retrain, audit = two_of_each[0], Audit.objects.first()
    retrain.gate, audit.figures = {**retrain.gate, "verdict": "blocked"}, {"error": "another"}
    retrain.save()
    audit.save()
    assert len(list(ledger.contradictions())) == 2
    ledger.record_gate(retrain)
    ledger.record_audit(audit)
    assert list(ledger.contradictions()) == []


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("audit", {"model": "v9", "audit_set": "first", "figures_sha256": "0"}),
        ("gate", {"retrain": 99, "result_sha256": "0"}),
        ("confirm", {"retrain": 99, "audit_set": "first", "result_sha256": "0"}),
        ("gaps", {"retrain": 99, "gaps": []}),
        ("export", {"export_sha256": "0", "result_sha256": "0"}),
        ("dataset", {"dataset": 9, "manifest": "0"}),
    ],
)
def test_an_entry_about_something_that_does_not_exist_is_named(db, kind, facts) -> None:
    ledger.write(ledger.Kind(kind), **facts)
    assert list(ledger.contradictions()) == [
        f"Entry 2 ({kind}) is not what the database holds now."
    ]


def test_results_and_gaps_of_another_retrain_set_or_time_are_named(two_of_each) -> None:
    first, second = (retrain.pk for retrain in two_of_each)
    results = {
        (confirmation.retrain_id, confirmation.audit_set.name): sha256(confirmation.gate)
        for confirmation in Confirmation.objects.all()
    }
    wrong = [
        {"retrain": first, "audit_set": "first", "result_sha256": results[second, "first"]},
        {"retrain": first, "audit_set": "first", "result_sha256": results[first, "second"]},
    ]
    for facts in wrong:
        ledger.write(ledger.Kind.CONFIRM, **facts)
    ledger.write(ledger.Kind.GAPS, retrain=first, gaps=[])
    ledger.write(ledger.Kind.EXPORT, export_sha256="e1", result_sha256=results[second, "first"])
    last = LedgerEntry.objects.latest("number").number
    named = [problem.split()[1] for problem in ledger.contradictions()]
    assert named == [str(number) for number in range(last - 3, last + 1)]


def test_the_published_checker_is_short_and_needs_nothing() -> None:
    text = CHECKER.read_text()

    assert len(text.splitlines()) < 60
    imported = [line.split()[1] for line in text.splitlines() if line.startswith("import ")]
    assert set(imported) <= sys.stdlib_module_names


def test_the_published_checker_finds_a_cut_tail_by_a_hash_noted_before(lines, tmp_path) -> None:
    head = json.loads(lines[-1])["hash"]

    assert checked(tmp_path, lines[:-3])[0] == 0
    status, output = checked(tmp_path, lines[:-3], "--head", head)
    assert (status, output) == (
        1,
        "No entry has the noted hash: entries were cut off, or all were rewritten.\n",
    )


def test_the_published_checker_refuses_what_is_no_ledger(lines, tmp_path) -> None:
    assert checked(tmp_path, [])[0] == 1
    assert checked(tmp_path, [*lines[:3], "not JSON", *lines[3:]])[0] == 1
    assert checked(tmp_path, [lines[0], "[]", '{"number": 1e999}', "null"])[0] == 1
    (tmp_path / "half.jsonl").write_text("\n".join(lines)[:-9])
    half = subprocess.run([sys.executable, str(CHECKER), str(tmp_path / "half.jsonl")])
    assert half.returncode == 1


def change_fact(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    entry = json.loads(lines[at])
    field = draw.choice(sorted(entry["facts"]))
    entry["facts"][field] = "something else"
    return [*lines[:at], canonical(entry), *lines[at + 1 :]], f"Entry {at + 1} was changed"


def change_letter(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    where = lines[at].index('"kind"') + draw.randrange(9, 12)
    changed = lines[at][:where] + "x" + lines[at][where + 1 :]
    return [*lines[:at], changed, *lines[at + 1 :]], f"Entry {at + 1} was changed"


def replace_entry(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    entry = json.loads(lines[at])
    entry["facts"] = {"by": f"sam {draw.random()}"}
    entry.pop("hash")
    entry["hash"] = sha256(entry)
    return (
        [*lines[:at], canonical(entry), *lines[at + 1 :]],
        f"Entry {at + 2} does not follow {at + 1}",
    )


def drop(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    return lines[:at] + lines[at + 1 :], f"Entries {at + 1} to {at + 1} are missing."


def move(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
    return swapped, f"Entry {at + 1} was moved"


def repeat(lines: list[str], at: int, draw: random.Random) -> tuple[list[str], str]:
    return [*lines[:at], lines[at], *lines[at:]], f"Entry {at + 1} appears twice"


def test_the_published_checker_names_each_of_1000_random_tamperings(lines, tmp_path) -> None:
    draw = random.Random(7)
    ways = [change_fact, change_letter, replace_entry, drop, move, repeat]
    folder = tmp_path / "tampered"
    folder.mkdir()
    expected = []
    for n in range(1000):
        tampered, named = draw.choice(ways)(lines, draw.randrange(len(lines) - 1), draw)
        (folder / f"{n}.jsonl").write_text("".join(f"{line}\n" for line in tampered))
        expected.append(named)
    # One process runs the published file a thousand times: starting a thousand takes a minute.
    run = (
        "import runpy, sys, io, contextlib\n"
        "for n in range(1000):\n"
        "    sys.argv = ['check_ledger.py', f'{sys.path[0]}/{n}.jsonl']\n"
        "    try: runpy.run_path(CHECKER)\n"
        "    except SystemExit as end: print(repr(end.code))\n"
    )
    script = folder / "all.py"
    script.write_text(f"CHECKER = {str(CHECKER)!r}\n{run}")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300
    )

    answers = done.stdout.splitlines()
    assert len(answers) == 1000, done.stderr
    assert [n for n in range(1000) if expected[n] not in answers[n]] == []
