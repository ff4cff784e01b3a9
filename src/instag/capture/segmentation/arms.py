"""Arms and hands as a network for single frames sees them, written into a clip's regions: a hand
before the face is none of it."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, UInt8

from instag.capture.networks.bodypix import Body
from instag.data.clip import Clip
from instag.perception.connected_components import small_parts
from instag.runtime.progress import Report, silent
from instag.types import Region

BodyFinder = Callable[[UInt8[np.ndarray, "h w 3"]], Body]
SURE = 0.5
SMALLEST = 2e-3
"""Share of the picture that an arm or hand fills at least: less is noise."""


def mark_arms(clip: Clip, finder: BodyFinder, report: Report = silent) -> None:
    """Make torso of what the finder sees as arm or hand in regions/*.png: what moves by itself and
    is not learned as the head."""
    for index in range(len(clip)):
        clip.save_regions(index, with_arms(clip.regions(index), arms_of(finder(clip.frame(index)))))
        report(index + 1, len(clip))


def arms_of(body: Body) -> Bool[np.ndarray, "h w"]:
    """Where an arm or hand is likelier than head and trunk, and surely a person."""
    arms = (
        (body.person > SURE)
        & (body.arms > SURE)
        & (body.arms > body.head)
        & (body.arms > body.trunk)
    )
    return arms & ~small_parts(arms, max(8, round(arms.size * SMALLEST)))


def with_arms(
    regions: UInt8[np.ndarray, "h w"], arms: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The regions with arms as torso; the person's outline stays."""
    return np.where(arms & (regions != Region.BACKGROUND), np.uint8(Region.TORSO), regions)
