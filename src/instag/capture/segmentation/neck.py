"""The neck in a frame's regions: all of it, whatever light falls on it, and what the head hides
of it (docs/method.md#observation)."""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from instag.capture.segmentation.neck_kernels import (
    F,
    extend_neck,
    join_to_head,
    mark_alike,
    neck_columns,
)
from instag.observed import Region

NECK_EXTENSION = 48 / 512
"""Height of the neck's extension under the head, in picture heights."""
HEAD_EDGE = 4 / 512
"""Torso between head and neck that is no higher than this, in picture heights, is mixed of both."""
NECK_MARGIN = 10 / 512
"""Colours of the neck nearer to the head than this are not used, of half of what is seen of it at
most: its label takes the chin's lower rim in, which would stay there while the chin moves."""
NECK_SOURCE = 14 / 512
"""How far below the chin its extension takes its colours, in picture heights."""
SKIN_COLOR, SKIN_TINT, SKIN_LIGHT = (0.4, 1.6), 0.35, (0.4, 2.5)
"""Torso that touches the neck is neck under other light where its colour is as far from grey as the
neck's median times a factor between the first, differs from that by no more than the second of it,
and its light by a factor between the last."""
JAW_RIM = 10 / 512
"""Torso of the neck's colour that is narrower than this, in picture heights, is a jaw's rim along a
collar."""
DARKENING = 0.98
"""Factor of the colour a row of a 512-row picture, upward under the chin, where the extension ends
and beyond; in proportion less where it begins, as a jaw that closes would bare a dark line."""


def with_all_the_neck(
    frame: UInt8[np.ndarray, "h w 3"], regions: UInt8[np.ndarray, "h w"], scale: float
) -> UInt8[np.ndarray, "h w"]:
    """The regions, in which torso of the neck's colour that touches the neck is neck: where light
    falls on one side of it, the other is often taken for cloth. So are a few rows between it and
    the head, which mix with the head's edge. scale: the whole picture's height over 512."""
    height, width = (2 * (side // 2) for side in regions.shape)
    small = cv2.resize(
        frame[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA
    )
    parts = regions[:height:2, :width:2]
    neck = parts == Region.NECK
    if not neck.any():
        return regions
    torso = (parts == Region.TORSO) & ~_under_hair(parts)
    alike = neck | (torso & _like_the_neck(small, neck))
    rim = _nearest_odd(512 * JAW_RIM * scale / 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim))
    broad = cv2.morphologyEx(alike.view(np.uint8), cv2.MORPH_OPEN, disc)
    _, pieces = cv2.connectedComponents(broad | neck)
    touching = np.zeros(pieces.max() + 1, bool)
    touching[pieces[neck]] = True
    found = np.zeros(regions.shape, bool)
    found[:height, :width] = np.repeat(np.repeat(touching[pieces], 2, 0), 2, 1)
    grown = np.where(found & (regions == Region.TORSO), np.uint8(Region.NECK), regions)
    join_to_head(grown, 512 * HEAD_EDGE * scale)
    return grown


def _nearest_odd(length: float) -> int:
    return 2 * round((length - 1) / 2) + 1


def _under_hair(regions: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, " w"]:
    """The columns in which the head ends in hair: what goes on below as torso is most often hair,
    too, whose colour can be the neck's."""
    head = regions >= Region.FACE
    lowest = len(head) - 1 - head[::-1].argmax(0)
    ends = regions[lowest, np.arange(head.shape[1])]
    return head.any(0) & (ends == Region.HAIR)


def _like_the_neck(
    image: UInt8[np.ndarray, "h w 3"], neck: Bool[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """The pixels of the neck's colour, under any light (`SKIN_COLOR`)."""
    known = image[neck].astype(np.float32)
    light = known.sum(-1, keepdims=True) + 1
    alike = np.empty(neck.shape, bool)
    mark_alike(
        image,
        np.median(known / light, 0) - F(1 / 3),
        np.median(light),
        np.array(SKIN_COLOR, F),
        np.array(SKIN_LIGHT, F),
        F(SKIN_TINT),
        alike,
    )
    return alike


@final
@dataclass(frozen=True, kw_only=True)
class SeenNeck:
    """Of each column of a frame the lowest row of neck right under some of the head, -1 where there
    is none, and how many rows of neck are seen from it on. height: rows of the frame."""

    starts: Int64[np.ndarray, " w"]
    rows: Int64[np.ndarray, " w"]
    height: int

    @classmethod
    def of(cls, regions: UInt8[np.ndarray, "h w"]) -> "SeenNeck":
        starts, rows = np.empty((2, regions.shape[1]), np.int64)
        neck_columns(regions, starts, rows)
        return cls(starts=starts, rows=rows, height=len(regions))

    def rims(self, scale: float) -> Bool[np.ndarray, "h w"]:
        """The neck's pixels right below the head. scale: the picture's height over 512."""
        ends = self.starts + np.minimum(self.rows // 2, round(512 * NECK_MARGIN * scale))
        row = np.arange(self.height)[:, None]
        return (row >= self.starts) & (row < ends) & (self.starts >= 0)

    def under_head(
        self,
        frame: UInt8[np.ndarray, "h w 3"],
        regions: UInt8[np.ndarray, "h w"],
        between: Bool[np.ndarray, "h w"],
        *,
        cloth: float,
        scale: float,
    ) -> tuple[Bool[np.ndarray, "h w"], UInt8[np.ndarray, "h w 3"]]:
        """The neck's extension under the head, and its colours; both empty where no neck is
        visible.

        It covers the columns in which the head ends on neck, or the face on cloth (a collar before
        the neck), there beyond `cloth` rows. A column's colour is the mean of a few rows some way
        below the chin, blurred over the columns. between: pixels between torso on both sides.
        """
        height, width = regions.shape
        where, colors = np.zeros(regions.shape, bool), np.zeros((height, width, 3), np.uint8)
        columns, source = self._sources(512 * NECK_SOURCE * scale)
        if len(columns) == 0:
            return where, colors
        smooth = cv2.blur(frame, (1, 2 * round(2 * scale) + 1))[source, columns].astype(np.float32)
        profile = np.stack(
            [np.interp(np.arange(width), columns, smooth[:, channel]) for channel in range(3)], -1
        ).astype(np.float32)
        extend_neck(
            regions,
            self.starts,
            between,
            cv2.GaussianBlur(profile[None], (0, 0), 8 * scale)[0],
            _shade(np.arange(height + 1) / scale),
            512 * NECK_EXTENSION * scale,
            cloth,
            where,
            colors,
        )
        return where, colors

    def _sources(self, deepest: float) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """The columns that show enough of the neck, half of `deepest` rows or of the most that one
        shows, and the row of each that its colour comes from: half down what is seen, `deepest`
        rows at most."""
        columns = np.flatnonzero(self.rows >= max(1, min(deepest, self.rows.max()) / 2))
        depth = np.minimum(self.rows[columns] // 2, round(deepest))
        return columns, self.starts[columns] + depth


def _shade(rows_up: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The factor of the neck's colour so many rows, of a 512-row picture, under the chin's edge."""
    begin = np.minimum(rows_up / (512 * NECK_EXTENSION), 1)
    return (DARKENING ** (rows_up * begin)).astype(np.float32)
