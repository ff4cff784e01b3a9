"""The contact sheet of a head's sweeps."""

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.evaluation.picture_sheets import labelled
from instag.evaluation.sweeps.measure_sweeps import SweepMeasurement, SweepResult

TILE = 144
SWEEPS_A_ROW = 2


def sweep_sheet(found: SweepMeasurement) -> UInt8[np.ndarray, "h w 3"]:
    """Two sweeps a row, each from its first frame to its last."""
    strips = [_strip(result) for result in found.results]
    strips += [np.full_like(strips[0], 255)] * (-len(strips) % SWEEPS_A_ROW)
    rows = [
        np.hstack(strips[first : first + SWEEPS_A_ROW])
        for first in range(0, len(strips), SWEEPS_A_ROW)
    ]
    return np.vstack(rows).astype(np.uint8)


def _strip(result: SweepResult) -> UInt8[np.ndarray, "t w 3"]:
    tiles = [cv2.resize(each, (TILE, TILE), interpolation=cv2.INTER_AREA) for each in result.shown]
    return labelled(np.hstack(tiles).astype(np.uint8), result.name)
