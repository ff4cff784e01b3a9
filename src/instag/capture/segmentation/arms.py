"""Arms and hands found by a network for single frames, labelled as torso in a clip's regions, also
in front of the face."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, UInt8

from instag.capture.networks.bodypix import Body
from instag.capture.segmentation.change_regions import change_regions
from instag.data.clip import Clip
from instag.observed import Region
from instag.perception.connected_components import small_components
from instag.runtime.progress import Report, silent

BodyFinder = Callable[[UInt8[np.ndarray, "h w 3"]], Body]
MIN_PROBABILITY = 0.5
MIN_SHARE = 2e-3
"""Least area of an arm or hand, as a share of the picture: less is noise."""


def mark_arms(clip: Clip, finder: BodyFinder, report: Report = silent) -> None:
    """Label the finder's arms and hands as torso in regions/*.png: they move by themselves and are
    not part of the head."""
    change_regions(clip, lambda regions, frame: with_arms(regions, arms_of(finder(frame))), report)


def arms_of(body: Body) -> Bool[np.ndarray, "h w"]:
    """Where an arm or hand is more likely than head and trunk, and a person is likely."""
    arms = (
        (body.person > MIN_PROBABILITY)
        & (body.arms > MIN_PROBABILITY)
        & (body.arms > body.head)
        & (body.arms > body.trunk)
    )
    return arms & ~small_components(arms, max(8, round(arms.size * MIN_SHARE)))


def with_arms(
    regions: UInt8[np.ndarray, "h w"], arms: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The regions with arms as torso; the person's outline stays."""
    return np.where(arms & (regions != Region.BACKGROUND), np.uint8(Region.TORSO), regions)
