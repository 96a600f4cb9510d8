import numpy as np
import pytest
from PIL import Image

from modeltrain.images.perturbations import PERTURBATIONS, name_of


def changed(name, *rows):
    """The pixels of a changed image."""
    return np.asarray(PERTURBATIONS[name](Image.fromarray(np.array(rows, np.uint8)))).tolist()


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_change_takes_images_of_any_size_and_gives_rgb(name):
    for size in ((1, 1), (3, 40), (300, 200)):
        image = PERTURBATIONS[name](Image.fromarray(np.full((*size, 3), 120, np.uint8)))
        assert image.mode == "RGB"
        assert min(image.size) >= 1


def test_each_change_does_what_its_name_says():
    red, white, grey = [255, 0, 0], [255, 255, 255], [100, 100, 100]
    assert changed("mirrored", [red, white]) == [[white, red]]
    assert changed("greyscale", [red]) == [[[76, 76, 76]]]  # 0.299 of red, as ITU-R 601-2 has it
    assert changed("30 % brighter", [grey]) == [[[130, 130, 130]]]
    assert changed("30 % darker", [grey]) == [[[70, 70, 70]]]
    assert changed("hue turned by a quarter", [grey]) == [[grey]]
    ((turned,),) = changed("hue turned by a quarter", [red])
    assert turned == pytest.approx([127, 255, 0], abs=5)


def test_a_crop_takes_a_twentieth_from_each_side():
    image = PERTURBATIONS["cropped to 90 %"](Image.new("RGB", (200, 100)))
    assert image.size == (180, 90)


def test_people_read_percentages_without_a_space():
    names = [name_of(name) for name in (*PERTURBATIONS, "skin_tone")]
    assert "30% darker" in names
    assert "skin_tone" in names
    assert not any(" %" in name for name in names)
