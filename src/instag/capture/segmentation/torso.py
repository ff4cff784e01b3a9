"""The torso layer: cloth and neck of each frame, extended under the head so that no gap opens when
the head moves (docs/method.md#observation)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.background import nearest_colors
from instag.capture.segmentation.torso_kernels import (
    blur_with_depth,
    compose,
    extend_neck,
    fill_between,
    neck_starts,
)
from instag.data.clip import Clip
from instag.observed import Region
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

NECK_EXTENSION = 48 / 512
"""Height of the neck's extension under the head, in picture heights."""
CLOTH_EXTENSION = 8 / 512
"""Width of the extension of the other torso under the head, in picture heights."""
MAX_HAIR_DISTANCE, MIN_HAIR_DEPTH = 24 / 512, 12 / 512
"""Hair nearer to the torso than the first and farther from the background than the second, in
picture heights, is part of the layer: it hangs beside the neck."""
HEAD_MARGIN = 4 / 512
"""Colours of torso pixels nearer to the head than this, in picture heights, are not used: they mix
with the edge of chin or hair."""
OPAQUE = 250
"""Matte, of 255, from which a pixel's colour is the person's alone."""
DARKENING = 0.98
"""Factor of the colour a row of a 512-row picture, upward under the chin."""


def torso_layer(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    person: UInt8[np.ndarray, "h w"] | None = None,
) -> UInt8[np.ndarray, "h w 4"]:
    """The torso layer of one frame: RGBA, straight alpha. Transparent everywhere where no torso is
    visible.

    Cloth and neck have the frame's own colours. Under the head, the neck's colours extend upward
    and darken; the cloth's extend a little, and between torso on both sides; all are blurred. Hair
    beside the neck is kept. Background stays transparent, except at the soft edge. person: the
    matte, where there is one; it gives the edge's alpha and excludes mixed colours.
    """
    layer = np.zeros((*regions.shape, 4), np.uint8)
    body = (regions == Region.TORSO) | (regions == Region.NECK)
    if not body.any():
        return layer
    scale = len(frame) / 512
    top = max(0, int(body.any(1).argmax()) - round((NECK_EXTENSION + CLOTH_EXTENSION) * len(frame)))
    layer[top:] = _layer_of_rows(
        frame[top:], regions[top:], body[top:], None if person is None else person[top:], scale
    )
    return layer


def _layer_of_rows(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    body: Bool[np.ndarray, "h w"],
    person: UInt8[np.ndarray, "h w"] | None,
    scale: float,
) -> UInt8[np.ndarray, "h w 4"]:
    """`torso_layer` of the rows that the torso can reach; `scale` is the whole picture's height
    over 512."""
    head = regions >= Region.FACE
    under, neck = neck_under_head(frame, regions, scale)
    distance, from_head = _distance_to(body, 5), _distance_to(head, 3)
    opaque = body & (from_head > 512 * HEAD_MARGIN * scale)
    if person is not None:
        opaque &= person >= OPAQUE
    if not opaque.any():
        opaque = body
    nearest, depth = nearest_colors(frame, opaque)
    colors = _blur_with_depth(nearest, depth, (head & ~under) | (body & ~opaque), scale)
    hair = (regions == Region.HAIR) & ~under & (distance <= 512 * MAX_HAIR_DISTANCE * scale)
    softened = frame
    if hair.any():
        hair &= _distance_to(regions == Region.BACKGROUND, 3) > 512 * MIN_HAIR_DEPTH * scale
        softened = cv2.GaussianBlur(frame, (0, 0), 2 * scale)
    inside = (
        body
        | under
        | hair
        | (head & ((distance <= 512 * CLOTH_EXTENSION * scale) | between_sides(body)))
    )
    alpha = soft_edge(inside, scale)
    layer = np.zeros((*alpha.shape, 4), np.uint8)
    compose(
        colors,
        neck,
        under,
        softened,
        hair,
        alpha,
        alpha if person is None else person,
        head if person is not None else np.ones_like(head),
        distance,
        from_head,
        np.float32(512 * CLOTH_EXTENSION * scale),
        layer,
    )
    return layer


def _distance_to(mask: Bool[np.ndarray, "h w"], size: int) -> Float[np.ndarray, "h w"]:
    """Pixels to the mask, by OpenCV's masks of 3 or 5 pixels."""
    return cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, size)


def _blur_with_depth(
    image: UInt8[np.ndarray, "h w 3"],
    depth: Float[np.ndarray, "h w"],
    where: Bool[np.ndarray, "h w"],
    scale: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The image, blurred a little where `depth` is 4 pixels (of a 512-row picture) and much where
    it is 20."""
    fine = cv2.GaussianBlur(image, (0, 0), 3 * scale)
    small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(
        cv2.GaussianBlur(small, (0, 0), 3 * scale),
        image.shape[1::-1],
        interpolation=cv2.INTER_LINEAR,
    )
    blurred = np.empty_like(image)
    blur_with_depth(image, fine, coarse, depth, where, np.float32(scale), blurred)
    return blurred


def between_sides(body: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels of each row from its first to its last of the torso: hair or a chin can hide
    it."""
    between = np.zeros_like(body)
    fill_between(body, between)
    return between


def neck_under_head(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    scale: float,
) -> tuple[Bool[np.ndarray, "h w"], UInt8[np.ndarray, "h w 3"]]:
    """The neck's extension under the head, and its colours; both empty where no neck is visible.

    It covers the columns in which the head ends on neck, or the face on cloth (a collar before the
    neck). A column's colour is the mean of a few rows below the neck's upper end, blurred over the
    columns.
    """
    height, width = regions.shape
    where, colors = np.zeros(regions.shape, bool), np.zeros((height, width, 3), np.uint8)
    starts = np.empty(width, np.int64)
    neck_starts(regions, starts)
    columns = np.flatnonzero(starts >= 0)
    if len(columns) == 0:
        return where, colors
    start = starts[columns]
    source = np.minimum(start + max(1, round(6 * scale)), height - 1)
    source = np.where(regions[source, columns] == Region.NECK, source, start)
    smooth = cv2.blur(frame, (1, 2 * round(2 * scale) + 1))[source, columns].astype(np.float32)
    profile = np.stack(
        [np.interp(np.arange(width), columns, smooth[:, channel]) for channel in range(3)], -1
    ).astype(np.float32)
    extend_neck(
        regions,
        starts,
        between_sides((regions == Region.TORSO) | (regions == Region.NECK)),
        cv2.GaussianBlur(profile[None], (0, 0), 8 * scale)[0],
        (DARKENING ** (np.arange(height + 1) / scale)).astype(np.float32),
        512 * NECK_EXTENSION * scale,
        512 * CLOTH_EXTENSION * scale,
        where,
        colors,
    )
    return where, colors


def soft_edge(inside: Bool[np.ndarray, "h w"], scale: float) -> UInt8[np.ndarray, "h w"]:
    """Alpha that falls from 1 to 0 within about two pixels (of a 512-row picture) across the mask's
    border."""
    return cv2.GaussianBlur(inside.astype(np.uint8) * 255, (0, 0), max(0.5, 0.8 * scale))


def composite_over(
    behind: Float[np.ndarray, "h w 3"], rgba: UInt8[np.ndarray, "h w 4"]
) -> Float[np.ndarray, "h w 3"]:
    """The layer composited over a background, both in 0..255 (Porter and Duff, 1984)."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return behind + alpha * (rgba[..., :3] - behind)


def cut_torso(clip: Clip, report: Report = silent) -> None:
    """Write torso/*.png of a clip that has frames and regions. Memory does not grow with the
    length."""

    def work(index: int) -> int:
        clip.save_torso(
            index,
            torso_layer(
                clip.frame(index),
                clip.regions(index),
                clip.matte(index) if clip.has_mattes else None,
            ),
        )
        return index

    for index in in_order(work, range(len(clip))):
        report(index + 1, len(clip))
