"""Alpha matting: the person's share of each pixel, where edges and hair mix with the background
(docs/method.md#observation).

The trimap comes from the regions: known foreground and background, and an unknown band, wide around
hair and narrow elsewhere. In the band the compositing equation I = a F + (1 - a) B is solved for a,
with F the person's mean colour nearby and B the backdrop (Porter and Duff, 1984). Where F and B are
similar, the distance from the outline decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numba import njit

from instag.data.clip import Clip
from instag.observed import Region
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

HAIR_OUT, HAIR_IN = 14 / 512, 7 / 512
"""Width of the unknown band outside of hair and inside it, in picture heights."""
EDGE_HALF_WIDTH = 2.5 / 512
"""Half width of the band at every other outline, and where the backdrop was never visible."""
COLOR_SIGMA = 12 / 512
"""Standard deviation, in picture heights, of the local means of the person's colour and of the
backdrop's change of light."""
CONTRAST_SCALE = 24.0
"""Difference of person and backdrop, in levels of 255, at which colour and outline weigh the
same."""
BACKGROUND_ERROR_SCALE = 8.0
"""Difference of frame and backdrop outside the person, in levels of 255, at which the band outside
of hair shrinks to a third."""
ALPHA_NOISE = 0.08
"""Alphas below this, or this close to 1, are compression noise."""


@dataclass(frozen=True, kw_only=True)
class BackgroundPlate:
    """The backdrop of a clip. seen: where some frame showed it; elsewhere it is filled in."""

    image: UInt8[np.ndarray, "h w 3"]
    seen: Bool[np.ndarray, "h w"]


def alpha_matte(
    frame: UInt8[np.ndarray, "h w 3"], regions: UInt8[np.ndarray, "h w"], plate: BackgroundPlate
) -> UInt8[np.ndarray, "h w"]:
    """The alpha matte of the person, 0..255; 0 or 255 outside the unknown band."""
    person = regions != Region.BACKGROUND
    alpha = np.zeros(regions.shape, np.uint8)
    box = _box(person, round((HAIR_OUT + 2 * COLOR_SIGMA) * len(frame)))
    if box is None:
        return alpha
    alpha[box] = _alpha_in_box(
        frame[box],
        regions[box],
        BackgroundPlate(image=plate.image[box], seen=plate.seen[box]),
        len(frame),
    )
    return alpha


def _alpha_in_box(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    plate: BackgroundPlate,
    height: int,
) -> UInt8[np.ndarray, "h w"]:
    person = _mask(regions != Region.BACKGROUND)
    hair_out, hair_in, edge = (reach * height for reach in (HAIR_OUT, HAIR_IN, EDGE_HALF_WIDTH))
    near_hair = _within(_mask(regions == Region.HAIR), hair_out)
    inside, outside = np.empty_like(person), np.empty_like(person)
    band, distance = np.empty(person.size, np.int64), np.empty(person.size, np.float32)
    count = _trimap(
        _distance_from_outline(person),
        person,
        near_hair,
        (np.float32(hair_in), np.float32(hair_out), np.float32(edge)),
        inside,
        outside,
        band,
        distance,
    )
    band, distance = band[:count], distance[:count]
    foreground, background, error = _local_colors(
        frame, plate.image, inside, outside, band, COLOR_SIGMA * height
    )
    in_hair = near_hair.ravel()[band] > 0
    reach_in = np.where(in_hair, hair_in, edge)
    reach_out = np.where(
        in_hair & plate.seen.ravel()[band],
        np.maximum(edge, hair_out * np.exp(-error / BACKGROUND_ERROR_SCALE)),
        edge,
    )
    color = frame.reshape(-1, 3)[band]
    outline = np.clip(0.5 + distance / edge / 2, 0, 1)
    share = _blend_alpha(color, foreground, background, error, outline)
    share *= np.clip((distance + reach_out) / (0.4 * reach_out), 0, 1)
    share = 1 - (1 - share) * np.clip((reach_in - distance) / (0.4 * reach_in), 0, 1)
    alpha = person
    alpha.ravel()[band] = np.rint(255 * share)
    return cv2.GaussianBlur(alpha, (3, 3), max(0.4, 0.6 * height / 512))


def _blend_alpha(
    color: UInt8[np.ndarray, "n 3"],
    foreground: Float[np.ndarray, "n 3"],
    background: Float[np.ndarray, "n 3"],
    background_error: Float[np.ndarray, " n"],
    outline: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Alpha of the compositing equation by least squares over the channels, and the outline's alpha
    where foreground and background are similar or the background is uncertain."""
    span = foreground - background
    contrast = np.einsum("nc,nc->n", span, span)
    share = np.einsum("nc,nc->n", color - background, span) / np.maximum(contrast, 1)
    share = np.clip((share - ALPHA_NOISE) / (1 - 2 * ALPHA_NOISE), 0, 1)
    return outline + contrast / (contrast + 3 * (CONTRAST_SCALE**2 + background_error**2)) * (
        share - outline
    )


def _mask(where: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """255 and 0, the form of OpenCV's masks."""
    return where.view(np.uint8) * np.uint8(255)


def _distance_from_outline(person: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Distance in pixels from the outermost pixels of the person."""
    rim = person - cv2.erode(person, np.ones((3, 3), np.uint8))
    return cv2.distanceTransform(cv2.bitwise_not(rim), cv2.DIST_L2, 3)


@njit(cache=True, nogil=True)
def _trimap(
    away, person, near_hair, reaches, inside, outside, band, distance
):  # pragma: no cover - compiled
    """Write the masks (255 and 0) of what is known to lie inside and outside of the person, and of
    the unknown band between them the flat indices and the signed distances from the outline,
    positive inside; returns how many pixels it has. reaches: into hair, out of hair, and to both
    sides elsewhere."""
    hair_in, hair_out, edge = reaches
    height, width = away.shape
    half, count = np.float32(0.5), 0
    widest = max(hair_in, hair_out, edge) + half
    for row in range(height):
        for column in range(width):
            far, shown = away[row, column], person[row, column]
            if far > widest:  # nearly all of the picture
                inside[row, column], outside[row, column] = shown, 255 - shown
                continue
            signed = far + half if shown > 0 else half - far
            near = near_hair[row, column] > 0
            within = signed > hair_in or (signed > edge and not near)
            without = signed < -hair_out or (signed < -edge and not near)
            inside[row, column] = 255 if within else 0
            outside[row, column] = 255 if without else 0
            if not (within or without):
                band[count] = row * width + column
                distance[count] = signed
                count += 1
    return count


def _within(mask: UInt8[np.ndarray, "h w"], reach: float) -> UInt8[np.ndarray, "h w"]:
    """255 within about `reach` pixels of the mask (0 or 255), to some 4 pixels; 0 elsewhere."""
    small = cv2.resize(mask, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_NEAREST)
    radius = max(1, round(reach / 4))
    wide = cv2.dilate(
        small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    )
    return cv2.resize(wide, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)


def _local_colors(
    frame: UInt8[np.ndarray, "h w 3"],
    plate: UInt8[np.ndarray, "h w 3"],
    inside: UInt8[np.ndarray, "h w"],
    outside: UInt8[np.ndarray, "h w"],
    where: Int[np.ndarray, " n"],
    sigma: float,
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """At some pixels (flat indices): the foreground's colour, the background's, and the local error
    of the backdrop in levels of 255.

    `inside` and `outside` are 255 in known foreground and background. Means are computed at a
    quarter of the size.
    """
    height, width = inside.shape
    difference = cv2.cvtColor(cv2.absdiff(frame, plate), cv2.COLOR_RGB2GRAY)
    (person,) = _local_means([frame], inside, sigma / 4)
    seen, expected, background_error = _local_means([frame, plate, difference], outside, sigma / 4)
    fields = cv2.resize(
        np.dstack([person, seen - expected, background_error]),
        (-(-width // 2), -(-height // 2)),
        interpolation=cv2.INTER_LINEAR,
    )
    sampled = fields[where // width // 2, where % width // 2]
    return sampled[:, :3], plate.reshape(-1, 3)[where] + sampled[:, 3:6], sampled[:, 6]


def _local_means(
    pictures: Sequence[UInt8[np.ndarray, "h w ..."]], where: UInt8[np.ndarray, "h w"], sigma: float
) -> list[Float[np.ndarray, "h4 w4 ..."]]:
    """Gaussian-weighted local means of pictures where the mask is 255, at a quarter of the size;
    `sigma` in its pixels."""
    weight = np.maximum(_blurred(_quartered(where), sigma), 1e-3)
    totals = [
        _blurred(_quartered(cv2.bitwise_and(picture, picture, mask=where)), sigma)
        for picture in pictures
    ]
    return [
        255 * total / weight.reshape(*weight.shape, *[1] * (total.ndim - 2)) for total in totals
    ]


def _quartered(picture: UInt8[np.ndarray, "h w *c"]) -> Float[np.ndarray, "h4 w4 *c"]:
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def _blurred(image: Float[np.ndarray, "h w *c"], sigma: float) -> Float[np.ndarray, "h w *c"]:
    """A Gaussian blur with a weak wide tail, so that weights are positive far away, too."""
    return cv2.GaussianBlur(image, (0, 0), sigma) + 0.01 * cv2.blur(image, (61, 61))


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
    plate = BackgroundPlate(image=clip.backdrop(), seen=clip.backdrop_seen())

    def work(index: int) -> int:
        clip.save_matte(index, alpha_matte(clip.frame(index), clip.regions(index), plate))
        return index

    for index in in_order(work, range(len(clip))):
        report(index + 1, len(clip))
