"""Blinks: how far predicted eyelids close when the true ones do."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from instag.evaluation.landmarks import TrackedLandmarks, check_lengths, face_size
from instag.evaluation.lip_sync import MIN_FRAMES, curve_sync
from instag.evaluation.not_measured import NotMeasured

LIDS = np.array([(160, 144), (159, 145), (158, 153), (385, 380), (386, 374), (387, 373)])
"""Landmarks of the upper and the lower lid, three pairs of each eye."""
CLOSING = 0.55
"""Share of the usual opening below which the true lids are in a blink: closed ones measure .2."""
TOLERANCE = 2
"""Frames by which a predicted blink may come early or late."""


@final
@dataclass(frozen=True, kw_only=True)
class Blinks:
    """Agreement of predicted and true lids. count: true blinks.

    closure, true_closure: least opening in each true blink over the true eyes' usual opening, mean
    over blinks. correlation: of the openings, frame by frame. usual: the prediction's usual opening
    over the truth's.
    """

    count: int
    closure: float | NotMeasured
    true_closure: float | NotMeasured
    correlation: float | NotMeasured
    usual: float | NotMeasured


def eye_opening(observed: TrackedLandmarks) -> Float[np.ndarray, " f"]:
    """Distance of the lids in eye distances, mean over both eyes; NaN without a face."""
    points = observed.points[..., :2].astype(np.float64)
    gaps = np.linalg.norm(points[:, LIDS[:, 0]] - points[:, LIDS[:, 1]], axis=-1)
    return gaps.mean(1) / face_size(observed)


def compare_blinks(prediction: TrackedLandmarks, truth: TrackedLandmarks) -> Blinks:
    """Whether predicted lids close when the true ones do.

    The usual opening is the median of the true one. A blink is a run of frames in which the true
    opening is below 0.55 of it; the prediction may be 2 frames early or late. Raises BadArgument
    for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    predicted, true = eye_opening(prediction), eye_opening(truth)
    both = np.isfinite(predicted) & np.isfinite(true)
    if both.sum() < MIN_FRAMES:
        reason = NotMeasured(
            f"eyes are known both in the prediction and in the truth in {int(both.sum())} frames"
        )
        return Blinks(
            count=0, closure=reason, true_closure=reason, correlation=reason, usual=reason
        )
    usual = float(np.median(true[both]))
    runs = _runs(both & (true < CLOSING * usual))
    none = NotMeasured("the true eyes never blink")
    return Blinks(
        count=len(runs),
        closure=_mean_least(predicted / usual, runs, TOLERANCE) if runs else none,
        true_closure=_mean_least(true / usual, runs, 0) if runs else none,
        correlation=curve_sync(predicted, true).correlation,
        usual=float(np.median(predicted[both])) / usual,
    )


def _runs(closed: Bool[np.ndarray, " f"]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _mean_least(
    opening: Float[np.ndarray, " f"], runs: list[tuple[int, int]], around: int
) -> float:
    least = [np.nanmin(opening[max(0, first - around) : end + around]) for first, end in runs]
    return float(np.mean(least))
