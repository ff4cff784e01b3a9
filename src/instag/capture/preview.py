"""The preview: a contact sheet of everything in a clip, for a check by eye."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.capture.preview_strips import (
    COLUMNS,
    INK,
    MARGIN,
    PAPER,
    TILE,
    WIDTH,
    Picture,
    curves,
    title,
)
from instag.capture.quality.report import quality_lines
from instag.capture.segmentation.torso import composite_over
from instag.data.clip import Clip
from instag.data.head_mask import head_alpha_uint8
from instag.errors import NotAnArtefact
from instag.observed import Region, Track
from instag.perception.head_coordinates import INNER_LIPS, OVAL
from instag.runtime.files import write_atomic

GREEN = (0, 200, 60)
REGION_COLORS = {
    Region.BACKGROUND: (0, 0, 0),
    Region.TORSO: (60, 90, 255),
    Region.NECK: (255, 220, 0),
    Region.FACE: (255, 70, 70),
    Region.HAIR: (0, 200, 90),
    Region.MOUTH: (150, 0, 150),
    Region.TEETH: (255, 255, 255),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the sheet: its title, and what it draws of a frame."""

    title: str
    draw: Callable[[int], Picture]


def draw_preview(clip: Clip, path: Path | str) -> None:
    """Write a contact sheet (PNG) of a clip; a label replaces what a stage has not made yet. Raises
    DiskFull."""
    path = Path(path)
    frames = np.unique(np.linspace(0, len(clip) - 1, COLUMNS).astype(int))
    info = clip.info
    lines = [
        title(
            f"{info.source}: {len(clip)} frames, {info.width} x {info.height}, "
            f"{len(clip) / info.fps:.1f} s, focal {info.focal or 0:.0f} px"
        )
    ]
    lines += [title(sentence) for sentence in quality_lines(info)]
    for row in _rows(clip):
        tiles = [_tile(_or_missing(row.draw, int(index))) for index in frames]
        lines += [title(row.title), _side_by_side(tiles)]
    lines += curves(clip, frames)
    worked, data = cv2.imencode(".png", cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))
    assert worked, f"OpenCV could not encode {path}"
    write_atomic(path, data.tobytes())


def _rows(clip: Clip) -> list[Row]:
    return [
        Row(
            title="frame, landmarks, head's axes (red x, green y, blue z)",
            draw=lambda index: _tracked(clip.frame(index), clip.track(), index),
        ),
        Row(
            title=(
                "regions: torso blue, neck yellow, face red, hair green, mouth violet, teeth white"
            ),
            draw=lambda index: tint_regions(clip.frame(index), clip.regions(index)),
        ),
        Row(title="what the face learns from", draw=lambda index: _head_on_green(clip, index)),
        Row(
            title="the mouth, larger (teeth outlined)",
            draw=lambda index: _mouth(clip.frame(index), clip.regions(index), clip.track(), index),
        ),
        Row(
            title="torso over backdrop",
            draw=lambda index: composite_over(
                clip.backdrop().astype(np.float32), clip.torso(index)
            ).astype(np.uint8),
        ),
        Row(
            title="torso over green",
            draw=lambda index: composite_over(
                np.full((*clip.torso(index).shape[:2], 3), GREEN, np.float32), clip.torso(index)
            ).astype(np.uint8),
        ),
        Row(title="normals", draw=lambda index: _normals(clip, index)),
        Row(title="depth (near is bright)", draw=lambda index: _depth(clip, index)),
    ]


def _or_missing(draw: Callable[[int], Picture], index: int) -> Picture:
    try:
        return draw(index)
    except NotAnArtefact:
        picture = np.full((TILE, TILE, 3), PAPER, np.uint8)
        return cv2.putText(
            picture,
            "not made yet",
            (16, TILE // 2),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            INK,
            1,
            cv2.LINE_AA,
        )


def _tile(picture: Picture) -> Picture:
    return cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA)


def _side_by_side(tiles: list[Picture]) -> Picture:
    line = np.full((TILE, WIDTH, 3), PAPER, np.uint8)
    for column, tile in enumerate(tiles):
        line[:, column * (TILE + MARGIN) : column * (TILE + MARGIN) + TILE] = tile
    return line


def _tracked(frame: Picture, track: Track, index: int) -> Picture:
    """Landmarks (outline and lips connected) and the tracked head's axes, 8 cm long, from its
    origin."""
    picture = frame.copy()
    thick = max(1, round(frame.shape[0] / 300))
    points = np.round(track.landmarks[index, :, :2]).astype(int)
    for x, y in points:
        cv2.circle(picture, (int(x), int(y)), thick, (0, 255, 255), -1, cv2.LINE_AA)
    for ring in (OVAL, INNER_LIPS):
        cv2.polylines(
            picture, [points[ring].astype(np.int32)], True, (255, 160, 0), thick, cv2.LINE_AA
        )
    in_camera = (
        np.vstack([np.zeros(3), 0.08 * np.eye(3)]) - track.translations[index]
    ) @ track.rotations[index]
    height, width = frame.shape[:2]
    screen = (
        np.stack(
            [
                width / 2 + track.focal * in_camera[:, 0] / -in_camera[:, 2],
                height / 2 - track.focal * in_camera[:, 1] / -in_camera[:, 2],
            ],
            -1,
        )
        .round()
        .astype(int)
    )
    for end, color in zip(screen[1:], ((255, 0, 0), (0, 255, 0), (0, 0, 255)), strict=True):
        cv2.line(
            picture, tuple(map(int, screen[0])), tuple(map(int, end)), color, 2 * thick, cv2.LINE_AA
        )
    return picture


def tint_regions(frame: Picture, regions: UInt8[np.ndarray, "h w"]) -> Picture:
    """The frame with each region tinted in its colour."""
    table = np.zeros((256, 3), np.float32)
    for region, color in REGION_COLORS.items():
        table[region] = color
    return (0.55 * frame + 0.45 * table[regions]).astype(np.uint8)


def _head_on_green(clip: Clip, index: int) -> Picture:
    """Head and mouth on green. With mattes, the background's share is removed from each pixel;
    without them, the regions cut the head out."""
    frame, regions = clip.frame(index), clip.regions(index)
    if not clip.has_mattes:
        return np.where(
            (regions >= Region.FACE)[..., None], frame, np.array(GREEN, np.uint8)
        ).astype(np.uint8)
    share = np.where(
        regions >= Region.MOUTH, np.uint8(255), head_alpha_uint8(clip.matte(index), regions)
    )
    alpha = share[..., None].astype(np.float32) / 255
    behind = composite_over(clip.backdrop().astype(np.float32), clip.torso(index))
    return (
        np.clip(frame - (1 - alpha) * behind, 0, 255 * alpha)
        + (1 - alpha) * np.array(GREEN, np.float32)
    ).astype(np.uint8)


def _mouth(frame: Picture, regions: UInt8[np.ndarray, "h w"], track: Track, index: int) -> Picture:
    lips = track.landmarks[index, INNER_LIPS, :2]
    center, half = lips.mean(0), float(np.ptp(lips[:, 0])) * 0.8
    x, y = (np.clip(np.round(center - half), 0, None)).astype(int)
    size = max(2, round(2 * half))
    part, labels = frame[y : y + size, x : x + size], regions[y : y + size, x : x + size]
    big = cv2.resize(part, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    for region, color in ((Region.TEETH, (0, 255, 255)), (Region.MOUTH, (255, 0, 255))):
        mask = cv2.resize(
            (labels == region).astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_NEAREST
        )
        cv2.drawContours(
            big, cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0], -1, color, 1
        )
    return big


def _normals(clip: Clip, index: int) -> Picture:
    surface = clip.surface(index)
    return np.where(surface.valid[..., None], surface.normal * 127 + 128, 255).astype(np.uint8)


def _depth(clip: Clip, index: int) -> Picture:
    surface = clip.surface(index)
    known = surface.depth[surface.valid]
    if known.size == 0:
        return np.zeros((*surface.depth.shape, 3), np.uint8)
    nearness = (known.max() - surface.depth) / max(float(np.ptp(known)), 1e-6)
    grey = np.where(surface.valid, 40 + 215 * nearness, 0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)
