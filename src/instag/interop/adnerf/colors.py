"""Colours of regions in the AD-NeRF layout's parsing images, to and from our labels.

The family's tools write the head as (255, 0, 0) and the torso as (0, 0, 255) through OpenCV, whose
channels are blue, green, red: in the file, read as RGB, the head is blue and the torso red.
TalkingGaussian and InsTaG add hair (black) and the inside of the mouth (100 grey); RAD-NeRF and
ER-NeRF paint both as head. Teeth lie in a mask of their own, which takes its pixels from the head.
"""

import numpy as np
from jaxtyping import Bool, UInt8

from instag.types import HEAD_REGIONS, Region

COLORS = {
    Region.BACKGROUND: (255, 255, 255),
    Region.TORSO: (255, 0, 0),
    Region.NECK: (0, 255, 0),
    Region.FACE: (0, 0, 255),
    Region.HAIR: (0, 0, 0),
    Region.MOUTH: (100, 100, 100),
}
"""RGB in the file."""


def to_parsing(
    regions: UInt8[np.ndarray, "h w"], *, labels_hair: bool = True
) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of a frame's regions. labels_hair: hair and mouth have colours of their own.

    Teeth are painted as face: the family computes the face as `head colour XOR teeth mask`.
    """
    table = np.full((256, 3), 255, np.uint8)
    for region in Region:
        table[region] = COLORS[
            region
            if labels_hair and region in COLORS
            else Region.FACE
            if region in HEAD_REGIONS
            else region
        ]
    return table[regions]


def from_parsing(
    picture: UInt8[np.ndarray, "h w 3"], teeth: Bool[np.ndarray, "h w"] | None = None
) -> UInt8[np.ndarray, "h w"]:
    """Regions of an RGB parsing picture; colours between those of the table count as the nearest.
    `teeth` lies over it."""
    names = np.array([int(region) for region in COLORS], np.uint8)
    table = np.array(list(COLORS.values()), np.int32)
    packed = (
        (picture[..., 0].astype(np.uint32) << 16)
        | (picture[..., 1].astype(np.uint32) << 8)
        | picture[..., 2]
    )
    values, where = np.unique(packed, return_inverse=True)
    colors = np.stack([values >> 16, (values >> 8) & 255, values & 255], -1).astype(np.int32)
    nearest = np.square(colors[:, None] - table[None]).sum(-1).argmin(1)
    regions = names[nearest][where].reshape(picture.shape[:2])
    return regions if teeth is None else np.where(teeth, np.uint8(Region.TEETH), regions)


def is_swapped(pictures: list[UInt8[np.ndarray, "h w 3"]]) -> bool:
    """Whether red and blue have changed places, as where another tool wrote the pictures: then what
    is called head lies below the torso."""
    heights = {}
    for region in (Region.FACE, Region.TORSO):
        rows = [np.nonzero(from_parsing(picture) == region)[0] for picture in pictures]
        heights[region] = np.concatenate(rows).mean() if sum(map(len, rows)) else np.nan
    return bool(heights[Region.FACE] > heights[Region.TORSO])
