"""The choices that somebody has who lets an avatar speak."""

from dataclasses import dataclass
from typing import Literal, final

from instag.options import option


@final
@dataclass(frozen=True, kw_only=True)
class SpeakOptions:
    """How an avatar speaks. dilate: docs/method.md#a-frame; exact: docs/method.md#baked-motion."""

    pose: Literal["train", "still"] = option(
        "train", "Move the head as in training, or hold it still."
    )
    expression: Literal["train", "still"] = option(
        "train", "Move brows and eyelids as in training, or hold them still."
    )
    blinks: bool = option(
        True, "Blink now and then, if the learned video has too few blinks and shows closed eyes."
    )
    dilate: bool = option(
        False, "Widen the inside of the mouth by 6 pixels, against gaps at the lips."
    )
    exact: bool = option(
        False, "Evaluate the head's networks at every Gaussian: slower, the same to the eye."
    )
