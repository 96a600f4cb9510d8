"""Every page in a real browser: no complaint in its console, no barrier, no sideways scrolling."""

import json
import re

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from feedback import roles
from feedback.management.commands.load_demo import load_axes
from feedback.models import (
    AuditSet,
    BrowserScore,
    Burst,
    Classification,
    DatasetVersion,
    DemoAnswer,
    EmailAddress,
    Example,
    ExampleScore,
    Finding,
    ModelVersion,
    Report,
    Retrain,
)
from feedback.services import (
    definitions,
    emails,
    ledger,
    manifests,
    models,
    reports,
    safety,
    slices,
    triage,
)
from modeltrain.gate import judge
from modeltrain.labels import LABELS, NSFW
from tests.cast import SCORES, finished_audit, premises
from tests.conftest import png
from tests.nsfwsite.audits.examples import answers, audit_with_findings
from tests.nsfwsite.pages.test_doubtful_labels import write_doubts
from tests.nsfwsite.pages.test_review_tools import mapped
from worker import heartbeat

pytestmark = pytest.mark.django_db(transaction=True)


def pointing(champion: ModelVersion) -> None:
    """Reports of forty networks, half of them of one group, and what visitors say."""
    for number in range(40):
        vector = number < 20
        report = Report.objects.create(
            status="accepted",
            expected_label="drawings" if vector else "sexy",
            groups={"medium": "vector" if vector else "photograph"},
            source=f"network {number}",
        )
        example = Example.objects.create(report=report, position=0, image_sha256=f"{number:064x}")
        ExampleScore.objects.create(example=example, model=champion, label="neutral", scores={})
        DemoAnswer.objects.create(model=champion, label="neutral", scores={}, right=number % 8 > 0)


@pytest.fixture
def world(transactional_db, champion, queued, paired, settings):
    """One of everything, and the addresses of all pages."""
    load_axes()
    mona = User.objects.create_user("mona", password="a long enough password")
    mona.groups.set(
        [Group.objects.get_or_create(name=name)[0] for name in (roles.MAINTAINERS, roles.SAFETY)]
    )
    audit_with_findings(champion, settings)
    slices.name(finding=Finding.objects.get(kind="slices"), region=1, title="Flags", by=mona)
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256=manifests.publish([]), images=240, card="C"
    )
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    for model, predicted in (
        (champion, answers(100, alarms=40)),
        (candidate, answers(20, alarms=10)),
    ):
        finished_audit(model, audit_set, predicted)
    retrain = Retrain.objects.create(
        status="evaluated",
        base=champion,
        candidate=candidate,
        dataset=DatasetVersion.objects.create(
            number=2,
            manifest_sha256="2" * 64,
            images=40,
            added=31,
            origin={
                "sources": [20, 7, 4],
                "held_back": {"reports": 98, "images": 312},
                "images": 20,
                "share": 0.2,
            },
        ),
        config="head",
        override_reason="No explicit image is kept here, by choice.",
        gate=judge.judge(champion=answers(20, alarms=10), candidate=answers(100, alarms=40)),
        proposed_by=mona,
        **premises(champion),
    )
    samples = settings.DEMO_DIR / "samples"
    samples.mkdir(parents=True)
    (samples / "fox.png").write_bytes(png(5))
    (samples / "samples.json").write_text(json.dumps([{"file": "fox.png", "title": "Red fox"}]))
    open_one, decided, accepted = queued(1), queued(2), queued(3)
    twice, _again = queued(4), queued(4, groups={"medium": "vector", "skin_tone": "dark"})
    BrowserScore.objects.create(
        example=open_one.examples.get(),
        model=champion,
        graph="int8",
        label="sexy",
        scores=SCORES,
        distance=0.21,
        drifted=True,
    )
    mapped(twice, champion)
    triage.decide(report=decided, outcome="rejected", by=mona, reason="A photograph.")
    triage.decide(report=accepted, outcome="accepted", by=mona)
    write_doubts(accepted, retrain)
    escalated, explicit, held = queued(4), queued(5), queued(6)
    triage.decide(report=escalated, outcome="escalated", by=mona, reason="Look at this.")
    safety.record_opening(report=escalated, by=mona)
    scores = {label: 0.3 if label in NSFW else 0.05 for label in LABELS}
    ExampleScore.objects.filter(example__report=explicit).update(scores=scores)
    Report.objects.filter(pk=held.pk).update(burst=Burst.objects.create(kind="network"))
    ledger.record_gate(retrain)
    ledger.record_override(retrain, by=mona)
    models.put_in_service(candidate, by=mona)
    champion.refresh_from_db()
    models.put_in_service(champion, by=mona, reason="It calls drawings porn.")
    ledger.record_report(report=open_one, outcome="withdrawn")
    pointing(champion)
    pair = paired(5, classifications=[], subject="Two hands, and only one of them is a drawing")
    definitions.revise(
        label="sexy",
        meaning="Pictures of people that are posed to arouse, and not pornographic.",
        borderline=[{"picture": "A short dress at a party", "label": "neutral"}],
        reason="What people wear decides nothing.",
        by=mona,
    )
    objection = definitions.object_to(label="sexy", words="Who decides what arouses?")
    settings.SENDS_MAIL = True
    mailed = emails.save_address(
        report=pair, address="rosa@example.org", site="https://speakup.example"
    )
    return {
        "mona": mona,
        "report": open_one,
        "pages": [
            reverse("home"),
            reverse("report"),
            reverse("privacy"),
            reverse("api"),
            reverse("audits"),
            reverse("audits") + "?axis=medium",
            reverse("disparity") + "?set=pairs",
            reverse("disparity") + "?axis=skin_tone&measure=error&set=demo",
            reverse("compare"),
            reverse("counterfactual"),
            reverse("counterfactual") + "?set=pairs&show=greyscale",
            reverse("slices") + "?set=pairs",
            reverse("int8") + "?set=pairs",
            reverse("signals"),
            reverse("yours"),
            reverse("shortage"),
            reverse("policy"),
            reverse("threshold") + "?axis=medium",
            reverse("models"),
            reverse("model", args=["v1"]),
            reverse("model", args=["v2"]),
            reverse("how"),
            reverse("reports") + "?label=porn",
            reverse("reports"),
            reverse("ledger") + "?kind=override",
            reverse("ledger"),
            reverse("receipt", args=[decided.receipt]),
            reverse("receipt", args=[pair.receipt]),
            reverse("confirm-mail", args=[emails.token_of(mailed)]),
            reverse("stop-mail", args=[emails.token_of(mailed)]),
            reverse("definitions"),
            reverse("objection", args=[objection.receipt]),
            reverse("triage"),
            reverse("case", args=[open_one.pk]),
            reverse("case", args=[twice.pk]),
            reverse("case", args=[pair.pk]),
            reverse("case", args=[decided.pk]),
            reverse("case", args=[accepted.pk]),
            reverse("keys"),
            reverse("agreement"),
            reverse("case", args=[explicit.pk]),
            reverse("case", args=[escalated.pk]),
            reverse("receipt", args=[held.receipt]),
            reverse("safety"),
            reverse("safety-case", args=[escalated.pk]),
            reverse("account"),
            reverse("account_change_password"),
            reverse("account_reauthenticate"),
            reverse("tokens"),
            reverse("doubtful-labels"),
            reverse("retrains"),
            reverse("retrain", args=[retrain.pk]),
            "/nothing/",
        ],
    }


def test_every_page_is_sound(visit, world) -> None:
    visitor = visit(world["mona"])
    for path in world["pages"]:
        page = visitor.open(path)
        for dark, width in ((False, 1280), (True, 390)):
            visitor.change_screen(width=width, dark=dark)
            view = (path, width)
            for picture in page.locator(".chart img").all():
                assert picture.evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
            assert (view, visitor.barriers()) == (view, [])
            assert (view, visitor.complaints) == (view, [])
            assert (view, max(0, visitor.overflow())) == (view, 0)
            assert page.locator("header.top").evaluate("header => header.offsetHeight") < 80
            visitor.look()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("button", name="Sign out mona")).to_be_visible()
    assert visitor.barriers() == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_new_password_is_asked_for_on_sound_pages(visit, ravi, settings, width) -> None:
    settings.SENDS_MAIL = True
    visitor = visit(width=width)
    page = visitor.open(reverse("sign-in"))
    visitor.look()
    page.get_by_role("link", name="Have you forgotten your password?").click()
    assert visitor.barriers() == []
    visitor.look()
    page.get_by_role("textbox").fill("ravi@speakup.example")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    visitor.look()
    uid, key = user_pk_to_url_str(ravi), default_token_generator.make_token(ravi)
    visitor.open(reverse("account_reset_password_from_key", args=[uid, key]))
    assert visitor.barriers() == []
    visitor.look()
    for name in ("password1", "password2"):
        page.locator(f"[name={name}]").fill("quite another long phrase")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (visitor.complaints, visitor.overflow()) == ([], 0)
    visitor.look()


def test_the_answer_and_its_report_form_are_sound(visit, judged, axes) -> None:
    visitor = visit(width=390)
    page = visitor.open(reverse("classification", args=[judged().pk]))
    assert visitor.barriers() == []
    page.get_by_role("button", name="This is wrong").click()
    page.wait_for_url("**/report/**")
    assert visitor.barriers() == []
    assert visitor.complaints == []


def test_rosa_reports_without_scripts(visit, judged, axes) -> None:
    visitor = visit(scripts=False)
    page = visitor.open(f"{reverse('report')}?classification={judged().pk}")
    page.get_by_role("radio", name="drawings Drawn").check()
    page.get_by_label("Medium").select_option("vector")
    page.get_by_label("What is wrong, and for whom?").fill("It is a drawing.")
    page.get_by_role("button", name="File the report").click()
    page.wait_for_url("**/r/*/")

    report = Report.objects.get()
    assert report.groups == {"medium": "vector"}
    assert report.examples.get().image is None  # she did not let us keep it


def test_errors_stand_beside_the_form_that_rosa_filled(visit, judged, axes) -> None:
    visitor = visit()
    page = visitor.open(f"{reverse('report')}?classification={judged().pk}")
    page.get_by_label("What is wrong, and for whom?").fill("A red fox.")
    page.get_by_role("button", name="File the report").click()

    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_role("alert")).to_be_focused()
    summary = page.get_by_role("alert").get_by_role("link")
    expect(summary).to_have_text("Choose the label that you think is right.")
    summary.click()
    expect(page.locator("#id_expected_label")).to_be_focused()
    visitor.look()
    expect(page.get_by_label("What is wrong, and for whom?")).to_have_value("A red fox.")
    assert visitor.barriers() == []


def test_images_are_dropped_on_the_report_form_and_boxes_say_what_they_mean(
    visit, champion, axes
) -> None:
    visitor = visit(width=390)
    page = visitor.open(reverse("report"))
    for name in ("fox.png", "owl.png"):
        page.locator("[data-drop]").evaluate(
            """(zone, name) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File(["x"], name, { type: "image/png" }));
                zone.dispatchEvent(
                    new DragEvent("drop", { bubbles: true, dataTransfer: transfer }));
            }""",
            name,
        )
    names = "e => [...e.files].map((file) => file.name)"
    assert page.locator("#id_images").evaluate(names) == ["fox.png", "owl.png"]
    expect(page.get_by_text("In the form: fox.png (1 KiB), owl.png (1 KiB).")).to_be_visible()

    unkept = page.get_by_text("No image is kept, only the model’s scores and a hash.")
    learnt = page.get_by_text("If a reviewer agrees, the next model learns from it. If you")
    expect(unkept).to_be_visible()
    expect(learnt).to_be_hidden()
    page.get_by_label("Keep it, privately").check()
    page.get_by_label("Let a future model learn from it").check()
    expect(unkept).to_be_hidden()
    expect(learnt).to_be_visible()
    assert visitor.barriers() == []
    visitor.look()


def test_ravi_reveals_an_image_with_the_keyboard(visit, world) -> None:
    visitor = visit(world["mona"])
    page = visitor.open(reverse("case", args=[world["report"].pk]))
    figure = page.locator("figure.blurred")
    assert "blur" in figure.locator("img").evaluate("e => getComputedStyle(e).filter")

    page.get_by_role("button", name="Show image 1").focus()
    page.keyboard.press("Enter")

    page.wait_for_selector("figure.blurred:not(.closed)")
    assert figure.locator("img").evaluate("e => getComputedStyle(e).filter") == "none"
    assert visitor.complaints == []


def test_an_image_is_shown_before_it_is_sent(visit, champion) -> None:
    visitor = visit()
    page = visitor.open(reverse("home"))
    picture = {"name": "fox.png", "mimeType": "image/png", "buffer": png(7)}
    page.locator("#image").set_input_files(picture)
    expect(page.get_by_alt_text("The image you chose")).to_be_visible()

    page.get_by_role("button", name="Send it to this site").click()

    expect(page.get_by_role("alert").get_by_text("The classifier is away")).to_be_visible()
    assert visitor.complaints == []


def test_the_answer_arrives_by_itself_with_the_visitors_own_preview(
    visit, champion, monkeypatch
) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)
    monkeypatch.setattr("nsfwsite.demo.views.FIRST_WAIT_SECONDS", 0)
    visitor = visit()
    page = visitor.open(reverse("home"))
    picture = {"name": "fox.png", "mimeType": "image/png", "buffer": png(7)}
    page.locator("#image").set_input_files(picture)
    page.wait_for_function("sessionStorage.getItem('preview')")
    page.get_by_role("button", name="Send it to this site").click()
    page.get_by_text("Yours is next.").wait_for()

    Classification.objects.update(
        status="done", label="neutral", scores=SCORES, model=champion, finished_at=timezone.now()
    )

    page.get_by_text("90.0%").wait_for(timeout=8000)
    assert page.get_by_alt_text("Your image").get_attribute("src").startswith("data:image/jpeg")
    assert visitor.complaints == []

    other = visit()
    other.open(page.url.removeprefix(visitor.origin))
    expect(other.page.get_by_alt_text("Your image")).to_be_hidden()


def test_an_image_can_be_pasted(visit, champion) -> None:
    visitor = visit()
    page = visitor.open(reverse("home"))
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["x"], "pasted.png", {type: "image/png"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data}));
        }"""
    )
    assert page.locator("#image").evaluate("e => e.files[0].name") == "pasted.png"


def test_the_receipt_goes_on_by_itself(visit, filed) -> None:
    report = filed()
    page = visit().open(reverse("receipt", args=[report.receipt]))
    reports.screen(pk=report.pk)

    page.get_by_text("It is in the queue for a reviewer.").wait_for(timeout=8000)


def test_the_receipt_names_the_images_that_no_model_learns_from(visit, filed, judged, ravi) -> None:
    report = filed(classifications=[judged(1), judged(2), judged(3)])
    reports.screen(pk=report.pk)
    report.refresh_from_db()
    Example.objects.filter(report=report, position=0).update(left_out="audited")
    Example.objects.filter(report=report, position=1).update(left_out="pair")
    triage.decide(report=report, outcome="accepted", by=ravi)
    for width in (1280, 390):
        visitor = visit(width=width)
        page = visitor.open(reverse("receipt", args=[report.receipt]))
        page.get_by_text("A reviewer agreed with you", exact=True).wait_for()
        left_out = page.get_by_text("Left out: image 1 (")
        expect(left_out).to_contain_text("image 2 (paired with an image that is left out)")
        assert visitor.barriers() == []
        assert visitor.overflow() <= 0
        visitor.look()


def test_rosa_withdraws_from_her_receipt(visit, queued) -> None:
    report = queued()
    page = visit().open(reverse("receipt", args=[report.receipt]))
    page.get_by_text("Withdraw this report").click()
    page.get_by_role("button", name="Withdraw and delete").click()

    page.get_by_text("no model has learnt from them").wait_for()


def test_rosa_says_yes_to_emails_and_stops_them_without_scripts(visit, queued, settings) -> None:
    settings.SENDS_MAIL = True
    report = queued()
    visitor = visit(scripts=False, width=390)
    page = visitor.open(reverse("receipt", args=[report.receipt]))
    page.get_by_label("Your e-mail address").fill("rosa@example.org")
    page.get_by_role("button", name="Ask me by mail").click()
    page.get_by_text("An e-mail with a question is on its way").wait_for()

    row = EmailAddress.objects.get()
    visitor.open(reverse("confirm-mail", args=[emails.token_of(row)]))
    page.get_by_role("button", name="Yes, write to me").click()
    page.get_by_role("heading", name="We write to you").wait_for()
    visitor.look()
    visitor.open(reverse("receipt", args=[report.receipt]))
    page.get_by_text("You get an e-mail when something becomes of this report.").wait_for()
    visitor.look()

    visitor.open(reverse("stop-mail", args=[emails.token_of(row)]))
    page.get_by_role("button", name="Stop, and delete my address").click()
    page.get_by_role("heading", name="Your address is deleted").wait_for()
    visitor.look()
    assert not EmailAddress.objects.exists()


def test_the_chart_draws_another_measure_without_scripts(visit, world) -> None:
    page = visit(scripts=False).open(reverse("model", args=["v1"]))
    chart = page.locator("#groups")
    expect(chart.locator("figcaption")).to_contain_text("Mistakes: no group is told apart")

    page.get_by_role("link", name="False alarm", exact=True).click()

    page.wait_for_url("**measure=false_alarm**")
    expect(chart.locator("figcaption")).to_contain_text("False alarms: ")
    chart.get_by_text("The same figures as a table").click()
    expect(chart.get_by_role("cell", name="Flat vector drawing")).to_be_visible()


def test_a_chart_is_drawn_for_a_narrow_and_a_dark_screen(visit, world) -> None:
    for width, dark, wanted in ((1280, False, ""), (390, True, "width=narrow&theme=dark")):
        page = visit(width=width, dark=dark).open(reverse("model", args=["v1"]))
        drawn = page.locator("#groups img").evaluate("e => e.currentSrc")
        assert drawn.endswith(wanted)
