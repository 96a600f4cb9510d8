"""The model in Rosa's own browser: it says what the server says, and her images stay with her.

One browser for all of it, so that the model comes once.
"""

import base64
import io

import pytest
from django.urls import reverse
from PIL import Image
from playwright import sync_api

from bench.decoding_members import members
from feedback.models import BrowserScore
from modeltrain.images import codec
from modeltrain.model.classifier import Classifier
from tests.browser.conftest import Visitor
from tests.conftest import noise
from worker import heartbeat

pytestmark = pytest.mark.django_db(transaction=True)

TOLERANCE = 1e-3
STARTED = 60_000


@pytest.fixture(scope="module")
def context(browser):
    opened = browser.new_context()
    yield opened
    opened.close()


@pytest.fixture
def rosa(context, live_server, real_champion):
    visitor = Visitor(context, live_server.url)
    yield visitor
    visitor.page.close()
    assert not visitor.complaints


def saved(format_: str, mode: str = "RGB", size: tuple[int, int] = (320, 240), **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(noise(7, size)).convert(mode).save(out, format_, **options)
    return out.getvalue()


def chosen(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "image/*", "buffer": data}


def answers(page: sync_api.Page) -> list[dict[str, float]]:
    """Scores by label of each image on the page, once all are answered."""
    sync_api.expect(page.locator(".answer [data-waiting]:not([hidden])")).to_have_count(
        0, timeout=STARTED
    )
    return page.locator(".answer").evaluate_all(
        """found => found.map(one => Object.fromEntries(
            [...one.querySelectorAll(".bars tr")].map(({cells}) =>
                [cells[0].textContent, +cells[1].querySelector("rect").getAttribute("width")])))"""
    )


def test_it_answers_as_the_server_does_and_sends_nothing(rosa, published) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "photo.jpg": saved("JPEG", exif=turned),
        "print.jpg": saved("JPEG", "CMYK"),
        "turned.webp": saved("WEBP", lossless=True, exif=turned),
        "transparent.png": saved("PNG", "RGBA"),
        "large.jpg": saved("JPEG", size=(2601, 1701), exif=turned),  # both sides shrink it
    }
    requests: list[sync_api.Request] = []
    rosa.page.on("request", lambda request: requests.append(request))
    page = rosa.open(reverse("home"))
    page.locator("#image[multiple]").set_input_files([chosen(*file) for file in files.items()])
    answer_here(page)
    received = answers(page)

    classifier = Classifier(published)
    for data, scores in zip(files.values(), received, strict=True):
        expected = classifier.classify(codec.decode_in_child(data)).scores
        assert {label: share / 100 for label, share in scores.items()} == pytest.approx(
            expected, abs=TOLERANCE
        )
    sync_api.expect(page.get_by_text("This image has not left your device.")).to_have_count(
        len(files)
    )
    assert {request.method for request in requests} == {"GET"}
    assert rosa.barriers() == []


def answer_here(page: sync_api.Page) -> None:
    """Say yes to the download, unless the model is on the device already."""
    choice = page.get_by_role("button", name="Answer here on your device")
    page.locator("[data-here]:not([hidden])").first.wait_for()
    here = page.get_by_text("answers here.").or_(page.locator(".answer")).or_(choice)
    here.first.wait_for(timeout=STARTED)
    if choice.is_visible():
        choice.click()


def first_answer(page: sync_api.Page, **files: bytes) -> None:
    given = files or {"photo": saved("JPEG")}
    page.locator("#image[multiple]").set_input_files([chosen(*file) for file in given.items()])
    answer_here(page)
    answers(page)


def test_the_second_visit_works_offline(rosa) -> None:
    page = rosa.open(reverse("home"))
    first_answer(page)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    rosa.context.set_offline(True)
    try:
        page.reload()
        phone = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
        files = {"notes": b"not an image", "huge": header(10_000, 10_000), "phone": phone}
        first_answer(page, photo=saved("JPEG"), **files)
    finally:
        rosa.context.set_offline(False)

    sync_api.expect(page.get_by_text("Model v1 says")).to_have_count(1)
    sync_api.expect(page.get_by_text("Received: a file that is none of these.")).to_be_visible()
    sync_api.expect(page.get_by_text("Received: 10000 × 10000.")).to_be_visible()
    sync_api.expect(page.get_by_text("Received: a HEIC file.")).to_be_visible()


def test_an_image_that_only_the_site_reads_is_sent_by_its_button_alone(rosa) -> None:
    sent: list[str] = []
    rosa.page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page = rosa.open(reverse("home"))
    first_answer(page, **{"photo.heic": members()["HEIC, plain"]})
    page.get_by_text("HEIC files are read by this site, not in the browser.").wait_for()
    page.get_by_role("button", name="Send it to this site instead").click()

    page.get_by_text("If you press the button, your image goes to this site.").wait_for()
    assert page.locator("#image").evaluate("e => e.files[0].name") == "photo.heic"
    assert not sent
    page.get_by_role("button", name="Send it to this site").click()
    page.get_by_role("alert").get_by_text("The classifier is away").wait_for()  # it was sent
    assert sent


DROP = """([kind, files, text]) => {
    const transfer = new DataTransfer();
    for (const [name, type, data] of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
    }
    if (text) transfer.setData("text/plain", text);
    const options = { bubbles: true, cancelable: true };
    if (kind === "paste") {
        document.body.dispatchEvent(
            new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
    } else {
        const zone = document.querySelector("[data-drop]");
        zone.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: transfer }));
    }
}"""


def bring(page: sync_api.Page, kind: str, *files: tuple[str, str, bytes], text: str = "") -> None:
    """Drop or paste files of a name and type, or a text."""
    encoded = [(name, type_, base64.b64encode(data).decode()) for name, type_, data in files]
    page.evaluate(DROP, [kind, encoded, text])


def test_every_wrong_file_is_named_and_told_its_reason(rosa) -> None:
    page = rosa.open(reverse("home"))
    answer_here(page)
    whole = saved("PNG")
    bring(
        page,
        "drop",
        ("letter.txt", "text/plain", b"Dear reader"),
        ("paper.pdf", "application/pdf", b"%PDF-1.7"),
        ("half.png", "image/png", whole[: len(whole) // 2]),
        ("huge.png", "image/png", header(10_000, 10_000)),
        ("photo.png", "image/png", whole),
    )
    answers(page)

    texts = page.locator(".answer").all_inner_texts()
    assert [text.split("\n")[0] for text in texts] == [
        "letter.txt",
        "paper.pdf",
        "half.png",
        "huge.png",
        "photo.png",
    ]
    for text, reason in zip(
        texts,
        (
            "a file that is none of these",
            "a PDF file",
            "a damaged or cut-off PNG file",
            "10000 × 10000",
            "says",
        ),
        strict=True,
    ):
        assert reason in text
    rosa.look()
    page.set_viewport_size({"width": 390, "height": 800})
    rosa.look()
    assert rosa.overflow() <= 0


def test_a_pasted_image_address_is_read_and_a_link_is_explained(rosa) -> None:
    page = rosa.open(reverse("home"))
    answer_here(page)
    bring(page, "paste", text="https://example.org/photo.jpg")
    page.get_by_text("This site opens no other addresses, so a link is not enough.").wait_for()
    rosa.look()
    bring(page, "paste", text="data:image/png;base64,*")
    page.get_by_text("The data: address that you pasted is damaged.").wait_for()
    bring(page, "paste", text="data:text/plain,words")
    page.get_by_text("A data: address must hold an image.").wait_for()
    bring(page, "paste", text="some words")
    page.get_by_text("There is no image in what you pasted.").wait_for()

    data = base64.b64encode(saved("PNG")).decode()
    bring(page, "paste", text=f"data:image/png;base64,{data}")
    assert len(answers(page)) == 1
    sync_api.expect(page.locator("[data-not-taken]")).to_be_hidden()


def header(width: int, height: int) -> bytes:
    """The start of a PNG file that claims a size."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + size + bytes(50)


def test_a_damaged_copy_is_noticed_and_fetched_anew_once(rosa) -> None:
    page = rosa.open(reverse("home"))
    first_answer(page)
    page.evaluate(
        """async () => {
            const cache = await caches.open("speakup-models");
            const [key] = await cache.keys();
            await cache.put(key, new Response("not the model"));
        }"""
    )
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.reload()
    first_answer(page)
    page.reload()
    first_answer(page)

    assert [url.rsplit("/", 1)[1] for url in fetched].count("model.onnx") == 1


def test_what_rosa_calls_wrong_goes_into_the_form_and_is_compared(
    rosa, axes, inference_worker, monkeypatch
) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda queue: True)
    sent: list[str] = []
    rosa.page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page = rosa.open(reverse("home"))
    first_answer(page)
    page.get_by_role("button", name="It is right").click()
    page.get_by_text("That stays on this page: nothing was sent.").wait_for()
    page.get_by_role("button", name="This is wrong").click()
    page.get_by_text("has not left your device: it is sent when you file").wait_for()
    assert page.locator("#id_images").evaluate("e => e.files[0].name") == "photo"
    assert rosa.barriers() == []
    assert not sent

    page.get_by_role("radio", name="drawings Drawn").check()
    page.get_by_role("button", name="File the report").click()
    page.wait_for_url("**/r/*/", timeout=STARTED)

    own = BrowserScore.objects.get()
    assert own.example.report.expected_label == "drawings"
    assert (own.graph, own.model.version, own.drifted) == ("float32", "v1", False)
    assert own.distance < TOLERANCE
    page.goto(rosa.origin + reverse("report"))
    assert page.locator("#id_images").evaluate("e => e.files.length") == 0


@pytest.fixture
def stranger(browser, live_server, real_champion):
    """Sam, whose browser is told something before it opens the page."""
    opened = []

    def make(script: str) -> Visitor:
        context = browser.new_context(service_workers="block")
        context.add_init_script(script)
        opened.append(context)
        return Visitor(context, live_server.url)

    yield make
    for context in opened:
        context.close()


def test_without_webassembly_the_form_says_that_it_sends(stranger) -> None:
    sam = stranger("delete window.WebAssembly")
    page = sam.open(reverse("home"))
    page.get_by_text("Your browser cannot run the model itself: it has no WebAssembly.").wait_for()
    page.locator("#image").set_input_files(chosen("photo.jpg", saved("JPEG")))

    sync_api.expect(page.get_by_alt_text("The image you chose")).to_be_visible()
    assert page.url == sam.origin + reverse("home")
    page.get_by_role("button", name="Send it to this site").click()
    page.get_by_role("alert").get_by_text("The classifier is away").wait_for()  # it was sent


def test_where_one_image_is_sent_the_other_files_are_named(stranger) -> None:
    page = stranger("delete window.WebAssembly").open(reverse("home"))
    page.get_by_text("Your browser cannot run the model itself").wait_for()
    photo = ("photo.png", "image/png", saved("PNG"))
    bring(page, "drop", ("paper.pdf", "application/pdf", b"%PDF"), photo, ("b.png", *photo[1:]))

    page.get_by_text("One image is sent at a time. Not taken: paper.pdf, b.png.").wait_for()
    assert page.locator("#image").evaluate("e => e.files[0].name") == "photo.png"


def model_requests(requests: list[str]) -> list[str]:
    return [url for url in requests if "model.onnx" in url or ".wasm" in url]


def test_nothing_is_fetched_or_sent_before_sam_has_chosen_who_answers(stranger) -> None:
    sam = stranger("")
    requests: list[str] = []
    sam.page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    page = sam.open(reverse("home"))
    page.locator("#image[multiple]").set_input_files(
        [chosen("photo.jpg", saved("JPEG")), chosen("other.png", saved("PNG"))]
    )
    sync_api.expect(page.get_by_text("Choose above where it is answered.")).to_have_count(2)
    page.get_by_text("It takes one image at a time, first photo.jpg.").wait_for()
    assert not model_requests(requests)
    assert sam.barriers() == []
    sam.page.set_viewport_size({"width": 390, "height": 800})
    sam.look()

    page.get_by_role("button", name="Send it to this site").click()
    page.get_by_role("alert").get_by_text("The classifier is away").wait_for()  # it was sent

    assert not model_requests(requests)
    assert [request for request in requests if request.startswith("POST")] == [
        f"POST {sam.origin}{reverse('home')}"
    ]


def test_a_download_cut_in_the_middle_is_told_and_can_be_tried_again(stranger) -> None:
    sam = stranger("")
    sam.context.route("**/model.onnx", lambda route: route.abort())
    page = sam.open(reverse("home"))
    page.locator("#image[multiple]").set_input_files(chosen("photo.jpg", saved("JPEG")))
    page.get_by_role("button", name="Answer here on your device").click()
    page.get_by_role("alert").get_by_text("The download stopped after 0 of").wait_for()
    sam.look()

    with page.expect_request("**/model.onnx"):
        page.get_by_role("button", name="Try again").click()


def test_a_download_that_stalls_is_given_up(stranger) -> None:
    sam = stranger("")
    sam.context.route("**/model.onnx", lambda route: None)
    page = sam.open(reverse("home"))
    page.get_by_role("button", name="Answer here on your device").click()
    page.get_by_text("Fetching the model.").wait_for()

    page.get_by_text("The download stopped after 0 of").wait_for(timeout=STARTED)

    sync_api.expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_without_room_it_works_from_memory_and_says_so(stranger) -> None:
    sam = stranger("")
    page = sam.open(reverse("home"))
    quota = {"origin": sam.origin, "quotaSize": 2**20}
    sam.context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", quota)
    first_answer(page)

    sync_api.expect(page.get_by_text("This browser cannot keep the model")).to_be_visible()
    sync_api.expect(page.get_by_text("Model v1 says")).to_be_visible()


def test_a_camera_that_is_not_allowed_is_told(stranger) -> None:
    page = stranger("").open(reverse("home"))
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_text("The camera was not allowed.").wait_for()


def test_one_picture_of_the_camera_is_classified(rosa) -> None:
    rosa.context.grant_permissions(["camera"])
    page = rosa.open(reverse("home"))
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    answer_here(page)

    assert len(answers(page)) == 1
    assert not page.locator("video").evaluate("e => e.srcObject")
