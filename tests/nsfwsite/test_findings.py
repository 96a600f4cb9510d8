"""Anybody reads what was found beyond rates, and sees pictures where their set allows it."""

import io

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from feedback.models import Audit, AuditSet, Finding, ModelVersion, NamedSlice
from feedback.services import manifests
from modeltrain.audit import counterfactual, evaluate
from modeltrain.data.manifest import Row
from modeltrain.gate import judge
from modeltrain.images.codec import decode, pixel_sha256, to_png
from modeltrain.labels import LABELS
from modeltrain.model.classifier import Prediction
from tests.cast import finished_audit
from tests.conftest import noise

SETS, TONES = 32, ("light", "dark")


class Brightness:
    """Calls what is bright neutral and what is dark a drawing."""

    def classify(self, pixels) -> Prediction:
        bright = float(np.asarray(pixels).mean()) / 255
        first = dict.fromkeys(LABELS, 0.0)
        scores = first | {"neutral": bright, "drawings": 0.9 - bright * 0.9}
        scores["porn"] = max(0.0, 1 - sum(scores.values()))
        label = max(LABELS, key=scores.__getitem__)
        return Prediction(label, scores, np.zeros(2048, dtype=np.float32))


def looked_at(champion: ModelVersion, settings, *, public: bool = True) -> Audit:
    """An audit of 64 small pictures in pairs of two tones, and both findings of it."""
    settings.AUDIT_IMAGES_DIR.mkdir(parents=True, exist_ok=True)
    rows, places = [], {}
    for seed in range(SETS * 2):
        pixels = np.clip(noise(seed, (48, 48)).astype(int) + 30 * (seed % 2), 0, 255)
        pixels = pixels.astype(np.uint8)
        sha256 = pixel_sha256(pixels)
        places[sha256] = settings.AUDIT_IMAGES_DIR / f"{sha256}.png"
        places[sha256].write_bytes(to_png(pixels))
        groups = {"medium": "vector", "skin_tone": TONES[seed % 2]}
        label = "porn" if seed == SETS * 2 - 1 else "drawings"
        rows.append(Row(sha256, label, groups, "audit", f"picture {seed}", f"pair {seed // 2}"))
    audit_set = AuditSet.objects.create(
        name="pairs",
        manifest_sha256=manifests.publish(rows),
        images=len(rows),
        public_images=public,
    )
    predicted = evaluate.predict(Brightness(), rows, places, lambda done, total: None)
    audit = finished_audit(champion, audit_set, predicted)
    found = counterfactual.compare_sets(predicted, counterfactual.find_counterparts(rows))
    found |= counterfactual.compare_changes(
        Brightness(), rows[:40], places, lambda done, total: None
    )
    finish(audit, "counterfactual", found)
    finish(audit, "slices", [region(rows[:34]), region(rows[30:50])])
    finish(audit, "int8", export(predicted))
    return audit


def export(predicted: list[evaluate.Predicted]) -> dict:
    """What the verb finds of a model in 8-bit integers that answers alike."""
    close = {"max": 0.02, "p99": 0.01, "within": 1.0, "same": 1.0}
    return {
        "sha256": "8" * 64,
        "calibrated_on": 64,
        "compared_on": len(predicted),
        "graphs": {
            "float32": {"bytes": 87_000_000, **close},
            "int8": {"bytes": 22_700_000, **close},
        },
        "gate": judge.judge(champion=predicted, candidate=predicted),
    }


def region(rows: list[Row]) -> dict:
    rate = {"count": 9, "n": 15, "clusters": 15, "rate": 0.6, "low": 0.357, "high": 0.802}
    return {
        "members": [row.sha256 for row in rows],
        "exemplars": [
            {
                "sha256": row.sha256,
                "source": row.source,
                "expected": "drawings",
                "predicted": "neutral",
            }
            for row in rows[:12]
        ],
        "found_on": 14,
        "inside": rate,
        "outside": rate | {"n": 30, "count": 3, "rate": 0.1, "low": 0.035, "high": 0.256},
        "low": 0.22,
        "high": 0.71,
    }


def finish(audit: Audit, kind: str, figures: object) -> Finding:
    return Finding.objects.create(
        audit=audit, kind=kind, status="done", figures=figures, finished_at=timezone.now()
    )


@pytest.fixture
def audit(champion, axes, settings) -> Audit:
    return looked_at(champion, settings)


def picture(audit: Audit, place: int = 0) -> str:
    shown = Finding.objects.get(kind="slices").figures[0]["members"][place]
    return reverse("audit-picture", args=[audit.audit_set.name, shown])


def page(client, name: str, **query: str) -> str:
    return client.get(reverse(name), query).content.decode()


def test_flips_and_shifts_stand_with_their_ranges(client, audit) -> None:
    found = client.get(reverse("counterfactual"))
    flips, shifts = (found.context["charts"][name] for name in ("flips", "shifts"))
    drawn = {row[1]: row for row in flips.rows}
    assert drawn["Skin tone"][6] == SETS - 1  # one picture of a pair has another label
    assert drawn["Mirrored"][2] == 0.0
    assert drawn["30% darker"][2] > 0.2
    assert all(row[3] - 1e-9 <= row[2] <= row[4] + 1e-9 for row in flips.rows)
    assert ["Skin tone", "Light"] in [row[:2] for row in shifts.rows]
    assert "never why it is wrong" in found.content.decode()


def test_the_worst_sets_stand_side_by_side(client, audit) -> None:
    text = page(client, "counterfactual", show="30 % darker")
    assert "As it is" in text
    assert "?change=5" in text


def test_a_set_without_counterparts_says_so(client, audit) -> None:
    found = Finding.objects.get(kind="counterfactual")
    del found.figures["skin_tone"]
    found.save()
    assert "No counterparts in this set" in page(client, "counterfactual")


def test_too_few_are_no_figure(client, audit) -> None:
    found = Finding.objects.get(kind="counterfactual")
    found.figures["greyscale"]["flips"]["n"] = 4
    found.save()
    text = page(client, "counterfactual")
    assert "Greyscale (4)" in text


def test_each_region_stands_against_its_surroundings(client, audit) -> None:
    text = page(client, "slices")
    assert "Wrong on <strong>60.0%</strong> of 15 images here (35.7% to 80.2%)" in text
    assert "on 10.0% of 30 everywhere else: +50.0 points, +22.0 to +71.0" in text
    assert "drawings called neutral (12 of 12)" in text


def test_where_nobody_has_looked_the_page_says_so(client, audit) -> None:
    Finding.objects.all().delete()
    for name in ("counterfactual", "slices", "int8"):
        assert "Nobody has looked yet" in page(client, name)


def test_a_failure_tells_the_public_nothing_of_the_machine(client, audit, mona) -> None:
    Finding.objects.update(status="failed", failure="No such file: /srv/speakup/x.png")
    assert "Looking failed" in page(client, "slices")
    assert "/srv/speakup" not in page(client, "slices")
    client.force_login(mona)
    assert "/srv/speakup" in page(client, "slices")
    found = Finding.objects.get(kind="slices")
    client.post(reverse("look-again", args=[found.pk]))
    found.refresh_from_db()
    assert found.status == "waiting"


@pytest.mark.django_db
def test_without_audits_the_pages_stand(client) -> None:
    for name in ("counterfactual", "slices"):
        assert "No audit is finished yet" in page(client, name)


def test_a_picture_of_a_public_set_is_shown_and_can_run_nothing(client, audit) -> None:
    answer = client.get(picture(audit))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "public, max-age=3600"


def test_a_changed_copy_is_made_of_it(client, audit) -> None:
    grey = decode(client.get(picture(audit), {"change": "0"}).content)
    assert (grey == grey[..., :1]).all()
    for wrong in ("99", "-1", "greyscale"):
        assert client.get(picture(audit), {"change": wrong}).status_code == 404


def test_pictures_of_other_sets_are_not_shown(client, audit) -> None:
    address = picture(audit)
    AuditSet.objects.update(public_images=False)
    assert client.get(address).status_code == 404
    for name in ("counterfactual", "slices"):
        text = page(client, name)
        assert "Pictures of this set are not shown" in text
        assert "/audits/pictures/" not in text


def test_only_pictures_of_the_set_are_shown(client, audit, settings) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    other = pixel_sha256(decode(out.getvalue()))
    (settings.AUDIT_IMAGES_DIR / f"{other}.png").write_bytes(out.getvalue())
    assert client.get(reverse("audit-picture", args=["pairs", other])).status_code == 404
    assert client.get(reverse("audit-picture", args=["nothing", other])).status_code == 404


def test_a_picture_with_an_explicit_label_is_never_shown(client, audit) -> None:
    last = noise(SETS * 2 - 1, (48, 48)).astype(int) + 30
    sha256 = pixel_sha256(np.clip(last, 0, 255).astype(np.uint8))
    assert (manifests.local_image_path(sha256) or audit).is_file()
    assert client.get(reverse("audit-picture", args=["pairs", sha256])).status_code == 404


def post_name(client, title: str = "Flags", region: str = "0"):
    found = Finding.objects.get(kind="slices")
    data = {"finding": found.pk, "region": region, "title": title}
    return client.post(reverse("name-slice"), data)


def test_mona_names_a_slice_and_everybody_reads_who_did(client, audit, mona: User) -> None:
    client.force_login(mona)
    assert post_name(client).status_code == 302
    named = NamedSlice.objects.get()
    assert (named.title, named.named_by, len(named.images)) == ("Flags", mona, 34)
    client.logout()
    text = page(client, "slices")
    assert '<h2 id="region-0">Flags</h2>' in text
    assert "Named by <strong>mona</strong>" in text
    assert "Take the name" not in text

    client.force_login(mona)
    client.post(reverse("take-back-slice", args=[named.pk]))
    client.logout()
    assert "Taken back by <strong>mona</strong>" in page(client, "slices")


@pytest.mark.parametrize(("title", "region"), [("!", "0"), ("Flags", "7"), ("Flags", "x")])
def test_a_name_that_cannot_be_given_is_refused(client, audit, mona, title, region) -> None:
    client.force_login(mona)
    assert post_name(client, title, region).status_code == 422
    assert not NamedSlice.objects.exists()


def test_only_a_maintainer_names_takes_back_and_tries_again(client, audit, ravi) -> None:
    client.force_login(ravi)
    assert post_name(client).status_code == 403
    for name in ("take-back-slice", "look-again"):
        assert client.post(reverse(name, args=[1])).status_code == 403
    assert "What they have in common" not in page(client, "slices")


def test_the_page_of_a_model_links_to_both(client, audit) -> None:
    text = client.get(reverse("model", args=["v1"])).content.decode()
    for name in ("counterfactual", "slices"):
        assert f"{reverse(name)}?model=v1&amp;set=pairs" in text


def graph_of(settings, sha256: str) -> str:
    folder = settings.ARTIFACTS_DIR / sha256[:12]
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"a graph")
    return reverse("graph", args=[sha256])


def test_an_export_that_is_as_good_is_handed_out_and_says_what_is_not_known(
    client, audit, settings
) -> None:
    address = graph_of(settings, "8" * 64)
    text = page(client, "int8")
    assert "Handed out to browsers" in text
    assert "there are too few images of hentai, neutral, porn, sexy" in text
    assert "21.6\xa0MB" in text
    assert address in text
    answer = client.get(address)
    assert b"".join(answer.streaming_content) == b"a graph"
    assert "immutable" in answer.headers["Cache-Control"]


def test_one_that_the_gate_blocks_stays_here(client, audit, settings) -> None:
    found = Finding.objects.get(kind="int8")
    found.figures["gate"] |= {"verdict": "blocked", "sentence": "It is worse for drawings."}
    found.save()
    address = graph_of(settings, "8" * 64)
    text = page(client, "int8")
    assert "Not handed out" in text
    assert "It is worse for drawings." in text
    assert address not in text
    assert client.get(address).status_code == 404


def test_one_that_says_other_things_stays_here(client, audit, settings) -> None:
    found = Finding.objects.get(kind="int8")
    found.figures["graphs"]["int8"]["same"] = 0.985
    found.save()
    assert "the same label as the model. It is 98.5%." in page(client, "int8")
    assert client.get(graph_of(settings, "8" * 64)).status_code == 404


def test_a_model_that_was_never_in_service_is_not_handed_out(client, audit, settings) -> None:
    assert client.get(graph_of(settings, audit.model.sha256)).status_code == 200
    candidate = ModelVersion.objects.create(number=2, sha256="c" * 64, title="Retrain 1")
    assert client.get(graph_of(settings, candidate.sha256)).status_code == 404
    for nothing in ("0" * 64, "..", "8"):
        assert client.get(f"/artifacts/{nothing}/model.onnx").status_code == 404
