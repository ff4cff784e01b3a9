"""The sheet of a person's worst frames beside the truth, with close-ups of eyes, mouth and the edge
of the hair."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from instag.data.clip import Clip
from instag.evaluation.crops import Box, boxes
from instag.evaluation.held_out import FramePair, matte_at, reconstruct, regions_at
from instag.evaluation.measure import Measurement
from instag.evaluation.parts import EYES, outline_band
from instag.evaluation.picture_sheets import labelled
from instag.models.avatar import Avatar
from instag.perception.face_mesh import FaceMesh

CRITERIA: Final = ("face", "eyes", "outline", "full")
"""By which frames are the worst, in turn."""
SHOWN: Final = 8
APART: Final = 8
"""Least distance of two frames."""
TILE: Final = 288
EDGE: Final = 1 / 5
"""Side of the close-up of the outline over the picture's height."""


@dataclass(frozen=True, kw_only=True)
class Worst:
    """A frame, and by what it is among the worst."""

    index: int
    criterion: str
    psnr: float


def worst_sheet(
    avatar: Avatar, clip: Clip, measured: Measurement, *, device: torch.device
) -> UInt8[np.ndarray, "h w 3"]:
    """A row for each frame: true, rendered; then true above rendered: eyes, mouth, outline."""
    chosen = worst_frames(measured)
    pairs = reconstruct(avatar, clip, [each.index for each in chosen], device=device)
    size = avatar.info.size
    rows = []
    mesh = FaceMesh()
    for worst, pair in zip(chosen, pairs, strict=True):
        points = mesh.find(pair.truth)
        edge = _worst_edge(pair, clip, size)
        text = f"{worst.index}: {worst.criterion} {worst.psnr:.1f} dB"
        rows.append(_row(pair, _close_ups(pair, points, edge), text))
    return np.vstack(rows).astype(np.uint8)


def worst_frames(measured: Measurement) -> list[Worst]:
    """The worst by each criterion in turn, apart from each other, in order of time."""
    curves = {**measured.per_frame.psnr} | {
        part: error.per_frame for part, error in measured.parts.items()
    }
    chosen: dict[int, Worst] = {}
    orders = {name: list(np.argsort(curves[name])) for name in CRITERIA}
    for apart in (APART, 1):
        for turn in range(SHOWN * len(CRITERIA)):
            name = CRITERIA[turn % len(CRITERIA)]
            free = [
                place
                for place in orders[name]
                if np.isfinite(curves[name][place])
                and all(abs(place - other) >= apart for other in chosen)
            ]
            if free and len(chosen) < SHOWN:
                index, psnr = measured.per_frame.index[free[0]], float(curves[name][free[0]])
                chosen[free[0]] = Worst(index=index, criterion=name, psnr=psnr)
    return [chosen[place] for place in sorted(chosen)]


def _close_ups(
    pair: FramePair, points: Float[np.ndarray, "478 3"] | None, edge: Box
) -> list[tuple[Box, int]]:
    """Boxes, and the width of each in the sheet."""
    size = (pair.truth.shape[1], pair.truth.shape[0])
    known = boxes(size, points)
    eyes = known["full"] if points is None else _around_eyes(points, size)
    return [(eyes, TILE), (known.get("mouth", known["full"]), TILE // 2), (edge, TILE // 2)]


def _around_eyes(points: Float[np.ndarray, "478 3"], size: tuple[int, int]) -> Box:
    """Twice as wide as high."""
    both = points[[place for eye in EYES for place in eye], :2]
    (x, y), half = (both.min(0) + both.max(0)) / 2, 0.65 * (np.ptp(both[:, 0]))
    corners = np.array([[x - half, y - half / 2], [x + half, y + half / 2]])
    (left, top), (right, bottom) = np.clip(np.rint(corners), 0, size).astype(int).tolist()
    return Box(left=left, top=top, right=max(right, left + 1), bottom=max(bottom, top + 1))


def _worst_edge(pair: FramePair, clip: Clip, size: int) -> Box:
    """The square on the outline in which the error is largest."""
    matte = matte_at(clip, size, pair.index) if clip.has_mattes else None
    band = outline_band(regions_at(clip, size, pair.index), matte)
    error = cv2.absdiff(pair.prediction, pair.truth).astype(np.float32).mean(2) * band
    side = round(EDGE * size)
    summed = cv2.boxFilter(error, -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(summed.argmax()), summed.shape)
    left, top = (int(np.clip(place - side // 2, 0, size - side)) for place in (column, row))
    return Box(left=left, top=top, right=left + side, bottom=top + side)


def _row(
    pair: FramePair, close_ups: list[tuple[Box, int]], text: str
) -> UInt8[np.ndarray, "h w 3"]:
    whole = [_resized(picture, TILE, TILE) for picture in (pair.truth, pair.prediction)]
    parts = [
        np.vstack(
            [
                _resized(box.cut(picture), width, TILE // 2)
                for picture in (pair.truth, pair.prediction)
            ]
        )
        for box, width in close_ups
    ]
    return np.hstack([labelled(whole[0], text), labelled(whole[1], "rendered"), *parts])


def _resized(
    picture: UInt8[np.ndarray, "h w 3"], width: int, height: int
) -> UInt8[np.ndarray, "h2 w2 3"]:
    smaller = picture.shape[1] > width
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=how).astype(np.uint8)
