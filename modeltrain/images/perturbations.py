"""Changes made to an image to test whether a classifier's answer stays the same. Pillow only."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from PIL import Image, ImageEnhance


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _crop(image: Image.Image) -> Image.Image:
    x, y = image.width // 20, image.height // 20
    return image.crop((x, y, image.width - x, image.height - y))


def _shift_hue(image: Image.Image) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    shifted = hue.point([(level + 64) % 256 for level in range(256)])
    return Image.merge("HSV", (shifted, saturation, value)).convert("RGB")


# By the keys of stored figures. `name_of` gives what people read.
PERTURBATIONS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "greyscale": lambda image: image.convert("L").convert("RGB"),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "JPEG at quality 30": _jpeg,
    "cropped to 90 %": _crop,
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "30 % darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "hue turned by a quarter": _shift_hue,
}


def name_of(change: str) -> str:
    """Return the name of a change as people read it.

    Parameters
    ----------
    change
        A key of `PERTURBATIONS`, such as "30 % darker", or any other name, which stays as it is.

    Returns
    -------
    str
        Such as "30% darker".
    """
    return change.replace(" %", "%")
