"""Strips of the preview, as wide as its sheet: titles, and what a clip holds over time as
curves."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.data.clip import Clip
from instag.errors import NotAnArtefact

COLUMNS = 6
"""Frames on the sheet."""
TILE = 240
"""Width and height of one picture of the sheet, in pixels."""
MARGIN = 8
WIDTH = COLUMNS * TILE + (COLUMNS - 1) * MARGIN
"""Of the sheet, in pixels."""
STRIP_HEIGHT = 88
"""Height of one curve, in pixels."""
INK, PAPER = (40, 40, 40), (250, 250, 250)

Picture = UInt8[np.ndarray, "_ _ 3"]


def curves(clip: Clip, frames: np.ndarray) -> list[Picture]:
    """Action units, waveform and speech features over time; ticks mark these frames."""
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
        lines.append(title("action units: not made yet"))
    try:
        lines.append(_plot_waveform(clip.speech(), marks))
    except NotAnArtefact:
        lines.append(title("speech: not made yet"))
    names = [path.stem for path in sorted((clip.folder / "features").glob("*.npy"))]
    return lines + [_plot_features(name, np.asarray(clip.features(name))) for name in names]


def title(text: str) -> Picture:
    """A line of text."""
    line = np.full((26, WIDTH, 3), PAPER, np.uint8)
    return cv2.putText(line, text, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)


def _strip(text: str, height: int) -> Picture:
    strip = np.full((height, WIDTH, 3), PAPER, np.uint8)
    cv2.rectangle(strip, (0, 2), (WIDTH - 1, height - 3), (255, 255, 255), -1)
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
            cv2.resize(grey, (WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_LINEAR),
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
