"""Rosa audits a folder of her own: everything is counted in her browser, and nothing leaves it."""

import csv
import hashlib
import io
import json
import re

import pytest
from django.urls import reverse
from playwright import sync_api

from modeltrain.audit import fairness
from modeltrain.images import codec
from modeltrain.model.classifier import Classifier
from tests.browser.conftest import Visitor
from tests.conftest import png

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERED = 90_000
GROUPS = ("older people", "painted by us")
EACH = 3


@pytest.fixture
def folder(tmp_path):
    """Two groups with labels, and what lies about in any folder."""
    root = tmp_path / "holiday with Ida"
    for number in range(EACH * len(GROUPS)):
        place = root / GROUPS[number % len(GROUPS)] / "neutral"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"Ida at home {number}.png").write_bytes(png(number, (64, 48)))
    original = root / GROUPS[0] / "neutral" / "Ida at home 0.png"
    (original.parent / "a copy.png").write_bytes(original.read_bytes())
    (root / GROUPS[0] / "notes.txt").write_text("private")
    (root / GROUPS[0] / "torn.png").write_bytes(png(1)[:60])
    return root


@pytest.fixture
def rosa(browser, live_server, real_champion):
    context = browser.new_context(accept_downloads=True)
    visitor = Visitor(context, live_server.url)
    yield visitor
    context.close()
    assert not visitor.complaints


def begin(page: sync_api.Page, folder) -> None:
    page.locator("#files").set_input_files(folder)
    page.get_by_role("button", name="Begin").click()


def downloaded(page: sync_api.Page, button: str) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))


def test_rosa_counts_her_folder_and_nothing_of_it_leaves_her_device(rosa, folder, published):
    sent: list[sync_api.Request] = []
    rosa.context.on("request", lambda request: sent.append(request))
    page = rosa.open(reverse("yours"))
    begin(page, folder)
    done = page.get_by_text("Done: 7 images answered")
    sync_api.expect(done).to_be_visible(timeout=ANSWERED)

    pictures = sorted(folder.rglob("*at home*.png"))
    classifier = Classifier(published)
    predictions = {
        str(path.relative_to(folder.parent)): classifier.classify(codec.decode(path.read_bytes()))
        for path in pictures
    }
    by_image = downloaded(page, "Download every answer")
    assert {row["file"]: row["answer"] for row in by_image if "copy" not in row["file"]} == {
        name: prediction.label for name, prediction in predictions.items()
    }
    wrong = sum(
        prediction.label != "neutral"
        for name, prediction in predictions.items()
        if GROUPS[0] in name
    )
    expected = fairness.rate(count=wrong, n=EACH)
    figures = downloaded(page, "Download the figures")
    cell = next(row for row in figures if (row["group"], row["measure"]) == (GROUPS[0], "error"))
    assert (int(cell["count"]), int(cell["of"])) == (wrong, EACH)
    assert float(cell["low"]) == pytest.approx(expected["low"], abs=1e-12)
    sync_api.expect(page.locator("[data-lead]")).to_have_text(
        re.compile("on 6 images of yours. Exact copies count once, which leaves out 1 file.$")
    )
    # Six images are no ground for a rate.
    assert page.get_by_role("cell", name="not enough images").count() > 0
    page.get_by_text("2 files passed over").click()
    sync_api.expect(page.get_by_text("notes.txt")).to_be_visible()

    contents = [f"{request.url} {request.post_data or ''}" for request in sent]
    secrets = ["Ida", "holiday", *GROUPS, *(path.name for path in pictures)]
    secrets += [hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures]
    secrets += [codec.pixel_sha256(codec.decode(path.read_bytes())) for path in pictures]
    assert not [
        (secret, content) for content in contents for secret in secrets if secret in content
    ]
    assert {request.method for request in sent} == {"GET"}
    assert rosa.barriers() == []
    rosa.look()

    # Counts alone go to the form of a report, for the group that she gave a name.
    page.get_by_text("Report it with these counts").click()
    page.get_by_label(f"In the report, {GROUPS[0]} is called").fill("over 70")
    page.get_by_role("button", name="Go on to the report").click()
    counts = page.get_by_role("group", name="Counts from your own audit")
    sync_api.expect(counts.get_by_role("rowheader", name="over 70")).to_be_visible()
    handed = json.loads(counts.locator("input").input_value())
    assert [(group["name"], group["n"]) for group in handed["groups"]] == [("over 70", EACH)]
    sync_api.expect(page.get_by_label("It is unfair to a group")).to_be_checked()
    assert rosa.barriers() == []
    rosa.look()

    # Of images that are only known to be safe, a report says no more than the page does.
    page = rosa.open(reverse("yours"))
    page.get_by_label("All of them are safe").check()
    begin(page, folder)
    sync_api.expect(page.get_by_text("7 of them before")).to_be_visible(timeout=ANSWERED)
    confusions = page.get_by_role("columnheader", name="Confusion")
    page.get_by_label("As their folders say").check()
    sync_api.expect(confusions).to_be_visible()
    page.get_by_label("All of them are safe").check()
    sync_api.expect(confusions).to_have_count(0)
    page.get_by_text("Report it with these counts").click()
    page.get_by_label(f"In the report, {GROUPS[0]} is called").fill("over 70")
    page.get_by_role("button", name="Go on to the report").click()
    sync_api.expect(counts.get_by_role("rowheader", name="over 70")).to_be_visible()
    handed = json.loads(counts.locator("input").input_value())
    assert handed["groups"][0].keys() == {"name", "n", "false_alarm"}

    # After a reload nothing is answered twice.
    page = rosa.open(reverse("yours"))
    sync_api.expect(page.get_by_text("7 answers")).to_be_visible()
    begin(page, folder)
    sync_api.expect(page.get_by_text("7 of them before")).to_be_visible(timeout=ANSWERED)
    page.get_by_role("button", name="Forget them").click()
    sync_api.expect(page.get_by_text("Kept in this browser")).to_be_hidden()
