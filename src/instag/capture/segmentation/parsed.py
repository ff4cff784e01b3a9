"""Regions, hair and teeth as a network for single frames sees them, written into a clip: what
stands in for the embedded region code."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.change_regions import change_regions
from instag.capture.segmentation.teeth import teeth_likeness, teeth_mask
from instag.data.clip import Clip
from instag.observed import Region
from instag.perception.connected_components import small_components
from instag.runtime.progress import Report, silent

Parser = Callable[[UInt8[np.ndarray, "h w 3"]], UInt8[np.ndarray, "h w"]]
"""Regions of an RGB frame, without teeth."""
TeethFinder = Callable[[UInt8[np.ndarray, "h w 3"]], Bool[np.ndarray, "h w"]]
"""Where an RGB frame shows teeth."""
HairFinder = Callable[[UInt8[np.ndarray, "h w 3"]], Float[np.ndarray, "h w"]]
"""Probability of hair in [0, 1], of the next RGB frame."""
MIN_PROBABILITY = 0.5
TEETH_REGIONS = (Region.FACE, Region.MOUTH, Region.TEETH)
"""Regions whose pixels can become teeth: a tooth mask elsewhere is an error."""


def parse_regions(clip: Clip, parser: Parser, report: Report = silent) -> None:
    """Write regions/*.png by the parser, with teeth found by colour inside its mouth."""
    for index in range(len(clip)):
        frame = clip.frame(index)
        clip.save_regions(index, with_teeth_by_color(frame, parser(frame)))
        report(index + 1, len(clip))


def with_teeth_by_color(
    frame: UInt8[np.ndarray, "h w 3"], regions: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The regions with bright, not red pixels of the mouth as teeth."""
    mouth, face = (regions == Region.MOUTH).astype(np.uint8), regions == Region.FACE
    if not mouth.any() or not face.any():
        return regions
    skin = np.median(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[face], 0).astype(np.float32)
    teeth = teeth_mask(teeth_likeness(frame, mouth, skin) * mouth)
    return np.where(teeth, np.uint8(Region.TEETH), regions)


def mark_teeth(clip: Clip, finder: TeethFinder, report: Report = silent) -> None:
    """Replace the teeth of regions/*.png by the finder's; former teeth become mouth."""
    change_regions(clip, lambda regions, frame: with_teeth(regions, finder(frame)), report)


def with_teeth(
    regions: UInt8[np.ndarray, "h w"], teeth: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The regions with other teeth."""
    mouth = np.where(regions == Region.TEETH, np.uint8(Region.MOUTH), regions)
    return np.where(
        teeth & np.isin(mouth, [int(region) for region in TEETH_REGIONS]),
        np.uint8(Region.TEETH),
        mouth,
    )


def mark_hair(clip: Clip, finder: HairFinder, report: Report = silent) -> None:
    """Replace the hair of regions/*.png by the finder's."""
    change_regions(clip, lambda regions, frame: with_hair(regions, finder(frame)), report)


def with_hair(
    regions: UInt8[np.ndarray, "h w"], hair: Float[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The regions with hair where it is likely; the person's outline, the mouth and the teeth stay.

    Former hair that is not likely becomes the nearer of likely hair and skin, so that no rim of
    skin surrounds the hair.
    """
    likely = hair > MIN_PROBABILITY
    likely &= ~small_components(likely, max(8, round(regions.size * 4e-4)))
    skin = (regions == Region.FACE) & ~likely
    to_hair, to_skin = (
        cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3) for mask in (likely, skin)
    )
    bare = np.where(
        (regions == Region.HAIR) & ~likely & (to_skin < to_hair), np.uint8(Region.FACE), regions
    )
    return np.where(
        likely
        & np.isin(
            bare, [int(region) for region in (Region.FACE, Region.HAIR, Region.NECK, Region.TORSO)]
        ),
        np.uint8(Region.HAIR),
        bare,
    )
