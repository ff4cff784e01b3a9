"""The matte: how much of each pixel is the person, where edges and hair mix with what lies behind
(docs/method.md#observation).

Sure are the inside and the outside of the regions' person. In a band between them, wide around hair
and narrow elsewhere, a pixel is a mixture of the person's colour nearby and the backdrop's there:
its share is its place between the two (the compositing equation I = a F + (1 - a) B solved for a).
Where both are alike, the distance from the outline decides.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from instag.data.clip import Clip
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent
from instag.types import Region

HAIR_OUT, HAIR_IN = 14 / 512, 7 / 512
"""How far the band reaches out of the hair and into it, in picture heights."""
EDGE = 2.5 / 512
"""How far it reaches on both sides of every other outline, and where the backdrop was never
seen."""
REACH = 12 / 512
"""Standard deviation of the neighbourhood that the person's colour is taken from, and the
backdrop's change of light."""
ALIKE = 24.0
"""Difference of person and backdrop, in levels, at which colour and outline count the same."""
UNREST = 8.0
"""Difference of frame and backdrop outside the person, in levels, at which the band of hair is but
a third as wide outward."""
NOISE = 0.08
"""Shares below this, or this near to 1, are compression's."""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """The backdrop of a clip. seen: where some frame showed it; elsewhere it is a guess."""

    image: UInt8[np.ndarray, "h w 3"]
    seen: Bool[np.ndarray, "h w"]


def matte(
    frame: UInt8[np.ndarray, "h w 3"], regions: UInt8[np.ndarray, "h w"], behind: Behind
) -> UInt8[np.ndarray, "h w"]:
    """The person's share of each pixel, 0..255. All 255 or 0 where no outline is."""
    person = regions != Region.BACKGROUND
    alpha = np.zeros(regions.shape, np.uint8)
    box = _box(person, round((HAIR_OUT + 2 * REACH) * len(frame)))
    if box is None:
        return alpha
    alpha[box] = _matte(
        frame[box], regions[box], Behind(image=behind.image[box], seen=behind.seen[box]), len(frame)
    )
    return alpha


def _matte(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    behind: Behind,
    height: int,
) -> UInt8[np.ndarray, "h w"]:
    person = _mask(regions != Region.BACKGROUND)
    signed = _distance_inward(person)
    hair_out, hair_in, edge = (share * height for share in (HAIR_OUT, HAIR_IN, EDGE))
    near_hair = _near(_mask(regions == Region.HAIR), hair_out)
    inside = _mask((signed > hair_in) | ((signed > edge) & (near_hair == 0)))
    outside = _mask((signed < -hair_out) | ((signed < -edge) & (near_hair == 0)))
    band = np.flatnonzero((inside | outside) == 0)
    front, back, unrest = _nearby(frame, behind.image, inside, outside, band, REACH * height)
    hairy, inward = near_hair.ravel()[band] > 0, signed.ravel()[band]
    into = np.where(hairy, hair_in, edge)
    out = np.where(
        hairy & behind.seen.ravel()[band],
        np.maximum(edge, hair_out * np.exp(-unrest / UNREST)),
        edge,
    )
    span = front - back
    contrast = np.einsum("nc,nc->n", span, span)
    share = np.einsum("nc,nc->n", frame.reshape(-1, 3)[band] - back, span) / np.maximum(contrast, 1)
    share = np.clip((share - NOISE) / (1 - 2 * NOISE), 0, 1)
    outline = np.clip(0.5 + inward / edge / 2, 0, 1)
    share = outline + contrast / (contrast + 3 * (ALIKE**2 + unrest**2)) * (share - outline)
    share *= np.clip((inward + out) / (0.4 * out), 0, 1)
    share = 1 - (1 - share) * np.clip((into - inward) / (0.4 * into), 0, 1)
    alpha = person
    alpha.ravel()[band] = np.rint(255 * share)
    return cv2.GaussianBlur(alpha, (3, 3), max(0.4, 0.6 * height / 512))


def _mask(where: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """255 and 0, as OpenCV wants masks."""
    return where.view(np.uint8) * np.uint8(255)


def _distance_inward(person: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Pixels from the outline, positive within the person."""
    rim = person - cv2.erode(person, np.ones((3, 3), np.uint8))
    away = cv2.distanceTransform(cv2.bitwise_not(rim), cv2.DIST_L2, 3)
    return np.where(person > 0, away + np.float32(0.5), np.float32(0.5) - away)


def _near(mask: UInt8[np.ndarray, "h w"], reach: float) -> UInt8[np.ndarray, "h w"]:
    """255 where the mask (0 or 255) is within `reach` pixels, to 4 pixels or so; 0 elsewhere."""
    small = cv2.resize(mask, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_NEAREST)
    radius = max(1, round(reach / 4))
    wide = cv2.dilate(
        small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    )
    return cv2.resize(wide, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)


def _nearby(
    frame: UInt8[np.ndarray, "h w 3"],
    behind: UInt8[np.ndarray, "h w 3"],
    inside: UInt8[np.ndarray, "h w"],
    outside: UInt8[np.ndarray, "h w"],
    where: Int[np.ndarray, " n"],
    sigma: float,
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """At some pixels (numbers into the picture): the person's colour and the backdrop's, and how
    badly the backdrop fits nearby, in levels.

    `inside` and `outside` are 255 where person and backdrop are sure. Means are worked out at a
    quarter of the size.
    """
    height, width = inside.shape
    off = cv2.cvtColor(cv2.absdiff(frame, behind), cv2.COLOR_RGB2GRAY)
    person = _mean_nearby(frame, inside, sigma / 4)
    change = _mean_nearby(frame, outside, sigma / 4) - _mean_nearby(behind, outside, sigma / 4)
    unrest = _mean_nearby(off, outside, sigma / 4)
    fields = cv2.resize(
        np.dstack([person, change, unrest]),
        (-(-width // 2), -(-height // 2)),
        interpolation=cv2.INTER_LINEAR,
    )
    there = fields[where // width // 2, where % width // 2]
    return there[:, :3], behind.reshape(-1, 3)[where] + there[:, 3:6], there[:, 6]


def _mean_nearby(
    picture: UInt8[np.ndarray, "h w *c"], where: UInt8[np.ndarray, "h w"], sigma: float
) -> Float[np.ndarray, "h4 w4 *c"]:
    """Mean of the picture where the mask is 255, weighted by nearness; at a quarter of the size,
    `sigma` in its pixels."""
    masked = cv2.bitwise_and(picture, picture, mask=where)
    total, weight = (
        cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.float32)
        for image in (masked, where)
    )
    blur = lambda image: cv2.GaussianBlur(image, (0, 0), sigma) + 0.01 * cv2.blur(image, (61, 61))  # noqa: E731
    total, weight = blur(total), blur(weight)
    return 255 * total / np.maximum(weight, 1e-3).reshape(*weight.shape, *[1] * (total.ndim - 2))


def _box(person: Bool[np.ndarray, "h w"], margin: int) -> tuple[slice, slice] | None:
    """Rows and columns around the person; None where there is none."""
    left, top, width, height = cv2.boundingRect(person.view(np.uint8))
    if width == 0:
        return None
    return slice(max(0, top - margin), top + height + margin), slice(
        max(0, left - margin), left + width + margin
    )


def cut_mattes(clip: Clip, report: Report = silent) -> None:
    """Write mattes/*.png of a clip that has frames, regions and backdrop. Memory does not grow with
    the length."""
    behind = Behind(image=clip.backdrop(), seen=clip.backdrop_seen())

    def work(index: int) -> int:
        clip.save_matte(index, matte(clip.frame(index), clip.regions(index), behind))
        return index

    for index in in_order(work, range(len(clip))):
        report(index + 1, len(clip))
