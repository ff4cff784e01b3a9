"""The preview: a contact sheet of everything in a clip, for a check by eye."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.quality.report import quality_lines
from instag.capture.segmentation.torso import composite_over
from instag.data.clip import Clip
from instag.data.head_mask import head_alpha_uint8
from instag.errors import NotAnArtefact
from instag.observed import Region, Track
from instag.perception.head_coordinates import INNER_LIPS, OVAL
from instag.runtime.files import write_atomic

COLUMNS = 6
"""Frames on the sheet."""
TILE = 240
"""Width and height of one picture of the sheet, in pixels."""
MARGIN = 8
STRIP_HEIGHT = 88
"""Height of one curve, in pixels."""
INK, PAPER, GREEN = (40, 40, 40), (250, 250, 250), (0, 200, 60)
REGION_COLORS = {
    Region.BACKGROUND: (0, 0, 0),
    Region.TORSO: (60, 90, 255),
    Region.NECK: (255, 220, 0),
    Region.FACE: (255, 70, 70),
    Region.HAIR: (0, 200, 90),
    Region.MOUTH: (150, 0, 150),
    Region.TEETH: (255, 255, 255),
}

Picture = UInt8[np.ndarray, "_ _ 3"]


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
        _title(
            f"{info.source}: {len(clip)} frames, {info.width} x {info.height}, "
            f"{len(clip) / info.fps:.1f} s, focal {info.focal or 0:.0f} px"
        )
    ]
    lines += [_title(sentence) for sentence in quality_lines(info)]
    for row in _rows(clip):
        tiles = [_tile(_or_missing(row.draw, int(index))) for index in frames]
        lines += [_title(row.title), _side_by_side(tiles)]
    lines += _curves(clip, frames)
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


def _width() -> int:
    return COLUMNS * TILE + (COLUMNS - 1) * MARGIN


def _side_by_side(tiles: list[Picture]) -> Picture:
    line = np.full((TILE, _width(), 3), PAPER, np.uint8)
    for column, tile in enumerate(tiles):
        line[:, column * (TILE + MARGIN) : column * (TILE + MARGIN) + TILE] = tile
    return line


def _title(text: str) -> Picture:
    line = np.full((26, _width(), 3), PAPER, np.uint8)
    return cv2.putText(line, text, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)


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


def _curves(clip: Clip, frames: np.ndarray) -> list[Picture]:
    """Action units, waveform and speech features over time; ticks mark the frames shown above."""
    lines: list[Picture] = []
    marks = (frames + 0.5) / len(clip)
    try:
        units = clip.action_units()
        names = [
            name
            for name in ("AU01", "AU04", "AU05", "AU06", "AU07", "AU45", "AU25", "AU26")
            if name in units
        ]
        lines += [_plot(f"{name} (0..5)", units[name] / 5, marks) for name in names]
    except NotAnArtefact:
        lines.append(_title("action units: not made yet"))
    try:
        lines.append(_plot_waveform(clip.speech(), marks))
    except NotAnArtefact:
        lines.append(_title("speech: not made yet"))
    names = [path.stem for path in sorted((clip.folder / "features").glob("*.npy"))]
    return lines + [_plot_features(name, np.asarray(clip.features(name))) for name in names]


def _strip(text: str, height: int) -> Picture:
    strip = np.full((height, _width(), 3), PAPER, np.uint8)
    cv2.rectangle(strip, (0, 2), (_width() - 1, height - 3), (255, 255, 255), -1)
    return cv2.putText(strip, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)


def _plot(text: str, values: Float[np.ndarray, " n"], marks: Float[np.ndarray, " m"]) -> Picture:
    """A curve of values in [0, 1]."""
    strip = _strip(text, STRIP_HEIGHT // 2)
    height, width = strip.shape[:2]
    for mark in marks:
        cv2.line(strip, (int(mark * width), 2), (int(mark * width), height - 3), (215, 215, 215), 1)
    x = (np.arange(len(values)) + 0.5) / len(values) * width
    y = height - 4 - np.clip(values, 0, 1) * (height - 8)
    cv2.polylines(
        strip, [np.stack([x, y], -1).round().astype(np.int32)], False, (200, 40, 40), 1, cv2.LINE_AA
    )
    return strip


def _plot_waveform(
    waveform: Float[np.ndarray, " samples"], marks: Float[np.ndarray, " m"]
) -> Picture:
    strip = _strip("speech, 16 kHz", STRIP_HEIGHT)
    height, width = strip.shape[:2]
    if len(waveform) < width:
        return strip
    edges = np.linspace(0, len(waveform), width + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(waveform, edges), np.maximum.reduceat(waveform, edges)
    for mark in marks:
        cv2.line(strip, (int(mark * width), 2), (int(mark * width), height - 3), (215, 215, 215), 1)
    for x in range(width):
        cv2.line(
            strip,
            (x, int(height / 2 * (1 - high[x]))),
            (x, int(height / 2 * (1 - low[x]))),
            (60, 60, 160),
            1,
        )
    return strip


def _plot_features(name: str, features: Float[np.ndarray, "f channels steps"]) -> Picture:
    """The middle step of each frame's window, channels upward, dark to bright between the 1st and
    99th percentile."""
    middle = features[:, :, features.shape[2] // 2].T[::-1]
    low, high = np.percentile(middle, (1, 99))
    grey = (np.clip((middle - low) / max(float(high - low), 1e-6), 0, 1) * 255).astype(np.uint8)
    picture = cv2.cvtColor(
        cv2.applyColorMap(
            cv2.resize(grey, (_width(), STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR),
            cv2.COLORMAP_MAGMA,
        ),
        cv2.COLOR_BGR2RGB,
    )
    return cv2.putText(
        picture,
        f"features: {name}, {features.shape[1]} channels",
        (4, 16),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.42,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
