"""The torso layer: cloth and neck of each frame, extended under the head so that no gap opens when
the head moves (docs/method.md#observation)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.background import nearest_colors
from instag.capture.segmentation.neck import NECK_EXTENSION, SeenNeck, with_all_the_neck
from instag.capture.segmentation.torso_kernels import (
    blur_with_depth,
    compose,
    fill_between,
)
from instag.data.clip import Clip
from instag.observed import Region
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

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
    regions = with_all_the_neck(frame, regions, scale)
    seen, between = SeenNeck.of(regions), between_sides(body)
    under, neck = seen.under_head(
        frame, regions, between, cloth=512 * CLOTH_EXTENSION * scale, scale=scale
    )
    distance, from_head = _distance_to(body, 5), _distance_to(head, 3)
    opaque = body & (from_head > 512 * HEAD_MARGIN * scale)
    opaque &= ~seen.rims(scale)
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
    inside = body | under | hair | (head & ((distance <= 512 * CLOTH_EXTENSION * scale) | between))
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
