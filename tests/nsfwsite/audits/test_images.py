import io

import numpy as np
from django.urls import reverse
from PIL import Image

from feedback.models import Audit, AuditSet, Finding
from feedback.services import manifests
from modeltrain.images.codec import decode, pixel_sha256
from tests.conftest import noise
from tests.nsfwsite.audits.examples import SETS, page_text


def image_address(audit: Audit) -> str:
    sha256 = Finding.objects.get(kind="slices").figures[0]["members"][0]
    return reverse("audit-picture", args=[audit.audit_set.name, sha256])


def test_an_image_of_a_public_set_is_served_inert(client, audit_and_findings) -> None:
    response = client.get(image_address(audit_and_findings))
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "public, max-age=3600"


def test_a_perturbed_copy_is_served(client, audit_and_findings) -> None:
    grey = decode(client.get(image_address(audit_and_findings), {"change": "0"}).content)
    assert (grey == grey[..., :1]).all()
    for change in ("99", "-1", "greyscale"):
        assert client.get(image_address(audit_and_findings), {"change": change}).status_code == 404


def test_images_of_a_private_set_are_not_served(client, audit_and_findings) -> None:
    address = image_address(audit_and_findings)
    AuditSet.objects.update(public_images=False)
    assert client.get(address).status_code == 404
    for name in ("counterfactual", "slices"):
        text = page_text(client, name)
        assert "Images of this set are not shown" in text
        assert "/audits/pictures/" not in text


def test_only_images_of_the_set_are_served(client, audit_and_findings, settings) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    other = pixel_sha256(decode(file.getvalue()))
    (settings.AUDIT_IMAGES_DIR / f"{other}.png").write_bytes(file.getvalue())
    assert client.get(reverse("audit-picture", args=["pairs", other])).status_code == 404
    assert client.get(reverse("audit-picture", args=["nothing", other])).status_code == 404


def test_an_image_with_an_explicit_label_is_never_served(client, audit_and_findings) -> None:
    pixels = noise(SETS * 2 - 1, (48, 48)).astype(int) + 30
    sha256 = pixel_sha256(np.clip(pixels, 0, 255).astype(np.uint8))
    path = manifests.local_image_path(sha256)
    assert path is not None
    assert path.is_file()
    assert client.get(reverse("audit-picture", args=["pairs", sha256])).status_code == 404
