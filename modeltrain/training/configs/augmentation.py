"""How far images are changed in training. A part of other configs."""

from __future__ import annotations

from dataclasses import dataclass

from modeltrain.training.config_rules import between


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed. Each change is drawn uniformly between minus and plus its limit.

    Attributes
    ----------
    rotate : float
        Degrees.
    shift, crop, zoom : float
        Shares of the side: the limit of the shift, the part cut off, and the limit of the scaling.
    shear : float
        Tangent of the angle.
    flip : bool
        Mirror left and right, half of the time.
    channel_shift : float
        Added to each of red, green and blue, on a scale of 255.
    """

    rotate: float = 30.0
    shift: float = 0.1
    crop: float = 0.1
    shear: float = 0.2
    zoom: float = 0.2
    flip: bool = True
    channel_shift: float = 20.0

    def __post_init__(self) -> None:
        for name in ("shift", "crop", "shear", "zoom"):
            between(self, name, 0, 0.9)
        between(self, "rotate", 0, 180)
        between(self, "channel_shift", 0, 255)
