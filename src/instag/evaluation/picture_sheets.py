"""Picture sheets of a report: frames beside their errors, and mouths in rows."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.errors import NotWritable
from instag.evaluation.sample_frames import MouthSample, Sample
from instag.runtime.files import write_atomic

TILE = 320
"""Pixels a side of a frame in the report."""
ERROR_GAIN = 4
"""Factor of errors in an error map."""
MOUTHS_A_ROW = 12


def error_sheet(samples: list[Sample]) -> UInt8[np.ndarray, "h w 3"]:
    """A row for each frame: true, predicted, difference."""
    return np.vstack([_error_row(sample) for sample in samples]).astype(np.uint8)


def _error_row(sample: Sample) -> UInt8[np.ndarray, "h w 3"]:
    prediction, truth = sample.pair.prediction, sample.pair.truth
    error = cv2.absdiff(prediction, truth).astype(np.int32) * ERROR_GAIN
    height = round(TILE * truth.shape[0] / truth.shape[1])
    pictures = (truth, prediction, np.clip(error, 0, 255).astype(np.uint8))
    tiles = [cv2.resize(each, (TILE, height), interpolation=cv2.INTER_AREA) for each in pictures]
    return np.hstack(tiles).astype(np.uint8)


def mouth_sheet(mouths: list[MouthSample]) -> UInt8[np.ndarray, "h w 3"]:
    """Pairs of rows, true above prediction, MOUTHS_A_ROW in each."""
    blank = np.full_like(mouths[0].truth, 255)
    rows = []
    for start in range(0, len(mouths), MOUTHS_A_ROW):
        group = mouths[start : start + MOUTHS_A_ROW]
        spare = [blank] * (min(MOUTHS_A_ROW, len(mouths)) - len(group))
        rows += [
            np.hstack([mouth.truth for mouth in group] + spare),
            np.hstack([mouth.prediction for mouth in group] + spare),
        ]
    return np.vstack(rows).astype(np.uint8)


def labelled(picture: UInt8[np.ndarray, "h w 3"], text: str) -> UInt8[np.ndarray, "h w 3"]:
    """A copy with a line of text in its upper left corner."""
    copy = picture.copy()
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(
            copy, text, (5, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, color, thickness, cv2.LINE_AA
        )
    return copy


def write_png(path: Path, picture: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an RGB picture. Raises DiskFull, NotWritable."""
    coded, content = cv2.imencode(".png", picture[..., ::-1])
    if not coded:
        raise NotWritable(f"{path} cannot be written as PNG. Choose another folder with -o.")
    write_atomic(path, content.tobytes())
