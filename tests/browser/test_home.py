"""The home page says what the filter is about, and shows a mistake before it asks for anything."""

import gzip
import json

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from feedback.models import AuditSet, SampleAnswer
from tests.cast import SCORES, finished_audit
from tests.conftest import png
from tests.nsfwsite.audits.examples import answers

pytestmark = pytest.mark.django_db(transaction=True)

MAX_BYTES = 150_000


@pytest.fixture
def home(transactional_db, champion, settings) -> str:
    """A drawing that the champion calls neutral, a photograph that it is right about, an audit."""
    folder = settings.DEMO_DIR / "samples"
    folder.mkdir(parents=True)
    rows = []
    for seed, (kind, label) in enumerate({"drawing": "drawings", "photograph": "neutral"}.items()):
        (folder / f"{kind}.png").write_bytes(png(seed))
        sha256 = f"{seed:064x}"
        rows.append(
            {
                "file": f"{kind}.png",
                "title": f"A fox ({kind})",
                "sha256": sha256,
                "label": label,
                "kind": kind,
            }
        )
        SampleAnswer.objects.create(
            model=champion, image_sha256=sha256, label="neutral", scores=SCORES
        )
    (folder / "samples.json").write_text(json.dumps(rows))
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="c" * 64, images=240)
    finished_audit(champion, audit_set, answers(100, alarms=40))
    return reverse("home")


@pytest.mark.parametrize("scripts", [True, False])
def test_sam_sees_a_mistake_the_labels_and_a_figure_without_fetching_a_model(
    visit, home, scripts
) -> None:
    visitor = visit(scripts=scripts)
    requests: list[str] = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    page = visitor.open(home)

    expect(page.locator("main p").first).to_contain_text("tests a filter for nudity (“NSFW”)")
    examples = page.locator(".examples figure")
    expect(examples.nth(0)).to_contain_text(
        "This is a drawing. The model says neutral. That is a mistake you can report."
    )
    expect(examples.nth(1)).to_contain_text(
        "This is a photograph. The model says neutral. That is right."
    )
    for label in ("drawings", "neutral", "hentai", "porn", "sexy"):
        expect(page.get_by_role("link", name=label, exact=True)).to_be_visible()
    expect(page.get_by_text("False alarms: ")).to_contain_text("95% interval")
    expect(page.get_by_role("img", name="A loop of four steps.")).to_be_visible()
    expect(page.get_by_role("button", name="Send it to this site")).to_be_visible()
    assert not [url for url in requests if ".onnx" in url or ".wasm" in url]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True), (320, False)])
def test_the_page_is_sound_and_its_header_is_one_line(visit, home, width, dark) -> None:
    visitor = visit(width=width, dark=dark)
    page = visitor.open(home)
    assert visitor.barriers() == []
    assert visitor.complaints == []
    assert visitor.overflow() <= 0
    if width >= 390:
        tops = page.locator(".brand img, .top nav a").evaluate_all(
            "links => links.map((link) => Math.round(link.getBoundingClientRect().top / 40))"
        )
        assert len(set(tops)) == 1
    expect(page.locator("footer").get_by_role("link", name="Sign in")).to_be_visible()
    visitor.look()


def test_the_page_is_light(visit, home) -> None:
    visitor = visit()
    sizes: dict[str, int] = {}

    def weigh(response) -> None:
        body = response.body()
        is_image = response.headers["content-type"].startswith("image/png")
        sizes[response.url] = len(body) if is_image else len(gzip.compress(body))

    visitor.page.on("response", weigh)
    page = visitor.open(home)
    page.wait_for_load_state("networkidle")

    assert sum(sizes.values()) < MAX_BYTES, sizes
    assert any("demo.js" in url for url in sizes)
