"""Lip sync from landmarks: whether predicted lips open, widen and close when the true ones do."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from instag.errors import BadArgument
from instag.evaluation.landmarks import TrackedLandmarks, check_lengths, face_size
from instag.evaluation.not_measured import NotMeasured
from instag.perception.landmark_pairs import INNER_LIPS, MOUTH_CORNERS, NOSE_TO_CHIN, distance
from instag.types import FPS

MAX_LAG = 15
"""Largest shift of a prediction in frames, each way."""
MIN_FRAMES = 10
"""Least number of frames for a correlation or a movement."""
STILL = 1e-6
"""Standard deviation, in eye distances, below which a curve counts as constant (rounding)."""
CLOSED_SHARE = 0.15
"""Lips are closed when their aperture is in this lowest share of the truth's range."""
CLOSED_AT_MOST = 0.03
"""Eye distances: an aperture above it (about 3 mm) is not closed, however wide the range is."""
CLOSURE_TOLERANCE = 2
"""Frames by which a closure may come early or late."""


@final
@dataclass(frozen=True, kw_only=True)
class LipCurves:
    """Measures of the mouth in each frame, in eye distances (see `lip_curves`); NaN without a
    face."""

    aperture: Float[np.ndarray, " f"]
    width: Float[np.ndarray, " f"]
    jaw: Float[np.ndarray, " f"]


def lip_curves(observed: TrackedLandmarks) -> LipCurves:
    """aperture: between the middles of the inner lips (landmarks 13 and 14), in the picture. width:
    between the corners of the mouth (61 and 291), in the picture. jaw: from the base of the nose to
    the chin (2 and 152), with the detector's depth, as a nod shortens it in the picture.

    All over the size of the face (`landmarks.face_size`).
    """
    points, size = observed.points.astype(np.float64), face_size(observed)
    return LipCurves(
        aperture=distance(points, INNER_LIPS, 2) / size,
        width=distance(points, MOUTH_CORNERS, 2) / size,
        jaw=distance(points, NOSE_TO_CHIN, 3) / size,
    )


@final
@dataclass(frozen=True, kw_only=True)
class CurveSync:
    """Agreement of a predicted curve with the true one.

    correlation: Pearson's, frame by frame. lag: frames by which the prediction is late (negative:
    early), where the two fit best within +-15; lag_correlation: the correlation there.
    movement_ratio: standard deviation over the truth's; 1 moves as much, 0 not at all.
    """

    correlation: float | NotMeasured
    lag: int | NotMeasured
    lag_correlation: float | NotMeasured
    movement_ratio: float | NotMeasured


@final
@dataclass(frozen=True, kw_only=True)
class Closures:
    """Whether lips close when the true ones do (see `closures`). threshold: eye distances. count:
    true closures.

    by_chance: what the same closures would reach on average at any other time of the sequence.
    """

    recall: float | NotMeasured
    recall_by_chance: float | NotMeasured
    precision: float | NotMeasured
    precision_by_chance: float | NotMeasured
    threshold: float | NotMeasured
    count: int


@final
@dataclass(frozen=True, kw_only=True)
class SilentMovement:
    """Movement of the lips per second of silence, in eye distances (see `silent_movement`). frames:
    how many are silent."""

    prediction: float | NotMeasured
    truth: float | NotMeasured
    frames: int


@final
@dataclass(frozen=True, kw_only=True)
class LipSync:
    """All of a sequence. silence is NotMeasured without sound. frames: with a face in
    both; dropped: the others."""

    aperture: CurveSync
    width: CurveSync
    jaw: CurveSync
    closures: Closures
    silence: SilentMovement | NotMeasured
    frames: int
    dropped: int


def lip_sync(
    prediction: TrackedLandmarks,
    truth: TrackedLandmarks,
    silent: Bool[np.ndarray, " s"] | None = None,
) -> LipSync:
    """Every measure of this file for a prediction and the truth, frame by frame; `silent`: where
    the sound is. Raises BadArgument for different lengths."""
    check_lengths(len(prediction), len(truth))
    predicted, true = lip_curves(prediction), lip_curves(truth)
    both = prediction.known & truth.known
    return LipSync(
        aperture=curve_sync(predicted.aperture, true.aperture),
        width=curve_sync(predicted.width, true.width),
        jaw=curve_sync(predicted.jaw, true.jaw),
        closures=closures(predicted.aperture, true.aperture),
        silence=NotMeasured("no sound was given")
        if silent is None
        else silent_movement(predicted.aperture, true.aperture, silent),
        frames=int(both.sum()),
        dropped=int((~both).sum()),
    )


def curve_sync(prediction: Float[np.ndarray, " p"], truth: Float[np.ndarray, " f"]) -> CurveSync:
    """Correlation, lag and movement ratio of two curves, over the frames where both are numbers.

    At lag k, prediction[t + k] is compared with truth[t], so that k > 0 means that the prediction
    is late. Of lags that fit alike the smallest counts. Lags are tried up to 15 frames or a third
    of the sequence. Raises BadArgument for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    both = np.isfinite(prediction) & np.isfinite(truth)
    if both.sum() < MIN_FRAMES:
        return _not_measured(
            NotMeasured(
                f"a face is known both in the prediction and in the truth in {int(both.sum())} "
                "frames only"
            )
        )
    if truth[both].std() < STILL:
        return _not_measured(NotMeasured("the true lips never move"))
    ratio = float(prediction[both].std() / truth[both].std())
    if prediction[both].std() < STILL:
        never = NotMeasured("the prediction's lips never move")
        return CurveSync(correlation=never, lag=never, lag_correlation=never, movement_ratio=0.0)
    reach = min(MAX_LAG, len(truth) // 3)
    fits = {
        lag: fit
        for lag in sorted(range(-reach, reach + 1), key=abs)
        if np.isfinite(fit := _correlation(prediction, truth, lag))
    }
    lag = max(fits, key=lambda shift: round(fits[shift], 9))
    return CurveSync(correlation=fits[0], lag=lag, lag_correlation=fits[lag], movement_ratio=ratio)


def closures(prediction: Float[np.ndarray, " p"], truth: Float[np.ndarray, " f"]) -> Closures:
    """Whether predicted lips close when the true ones do, as in b, p and m, from both apertures in
    eye distances.

    Lips are closed up to a threshold: the truth's least aperture plus 0.15 of its range (its 95th
    percentile minus its least), at most 0.03. It is the same for both, as a viewer sees whether
    lips touch, so a mouth that stays half open never closes. recall:
    the share of the true closures (runs of closed frames, each at the frame of its least aperture)
    for which the prediction is closed within 2 frames. precision: the share of the prediction's
    closed frames within 2 frames of a closed true one, in frames, so that lips that never open do
    not pass. Read both beside what they would be by chance: lips are closed for a good part of any
    speech. Raises BadArgument for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    both = np.isfinite(prediction) & np.isfinite(truth)
    if both.sum() < MIN_FRAMES:
        reason = NotMeasured(
            f"a face is known both in the prediction and in the truth in {int(both.sum())} frames "
            "only"
        )
        return Closures(
            recall=reason,
            recall_by_chance=reason,
            precision=reason,
            precision_by_chance=reason,
            threshold=reason,
            count=0,
        )
    least, typical_most = float(truth[both].min()), float(np.quantile(truth[both], 0.95))
    threshold = min(least + CLOSED_SHARE * (typical_most - least), CLOSED_AT_MOST)
    true_closed, closed = both & (truth <= threshold), both & (prediction <= threshold)
    closure_frames = _closure_frames(true_closed, truth)
    if not closure_frames:
        reason = NotMeasured("the true lips never close")
        return Closures(
            recall=reason,
            recall_by_chance=reason,
            precision=reason,
            precision_by_chance=reason,
            threshold=threshold,
            count=0,
        )
    near_true, near = _dilated(true_closed), _dilated(closed)
    return Closures(
        recall=float(near[closure_frames].mean()),
        recall_by_chance=float(near[both].mean()),
        precision=float(near_true[closed].mean())
        if closed.any()
        else NotMeasured("the prediction's lips never close"),
        precision_by_chance=float(near_true[both].mean()),
        threshold=threshold,
        count=len(closure_frames),
    )


def silent_movement(
    prediction: Float[np.ndarray, " p"],
    truth: Float[np.ndarray, " f"],
    silent: Bool[np.ndarray, " s"],
) -> SilentMovement:
    """Movement of the lips in silence: the mean over silent frames (that follow a silent
    one) of |aperture - the one before|, times 25.

    In eye distances a second; the truth's value contains breathing, swallowing and the detector's
    noise. Raises BadArgument for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    if len(silent) != len(truth):
        raise BadArgument(
            f"Silence is given for {len(silent)} frames and the pictures are {len(truth)}. Give "
            "one value for each frame."
        )
    following = silent[1:] & silent[:-1]

    def movement(curve: Float[np.ndarray, " f"], whose: str) -> float | NotMeasured:
        steps = np.abs(np.diff(curve))[following]
        steps = steps[np.isfinite(steps)]
        if len(steps) < MIN_FRAMES:
            return NotMeasured(f"{len(steps)} silent frames with a face in {whose} are too few")
        return float(steps.mean() * FPS)

    return SilentMovement(
        prediction=movement(prediction, "the prediction"),
        truth=movement(truth, "the truth"),
        frames=int(silent.sum()),
    )


def _not_measured(reason: NotMeasured) -> CurveSync:
    return CurveSync(correlation=reason, lag=reason, lag_correlation=reason, movement_ratio=reason)


def _correlation(
    prediction: Float[np.ndarray, " f"], truth: Float[np.ndarray, " f"], lag: int
) -> float:
    """Pearson's, of prediction[t + lag] and truth[t]; NaN where it is not defined."""
    total = len(truth)
    late, early = (
        prediction[max(lag, 0) : total + min(lag, 0)],
        truth[max(-lag, 0) : total - max(lag, 0)],
    )
    both = np.isfinite(late) & np.isfinite(early)
    if both.sum() < MIN_FRAMES or min(late[both].std(), early[both].std()) < STILL:
        return float("nan")
    return float(np.corrcoef(late[both], early[both])[0, 1])


def _closure_frames(closed: Bool[np.ndarray, " f"], aperture: Float[np.ndarray, " f"]) -> list[int]:
    """The frame of least aperture in each run of closed frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    return [
        int(start + np.argmin(aperture[start:end]))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _dilated(closed: Bool[np.ndarray, " f"]) -> Bool[np.ndarray, " f"]:
    """Frames within the tolerance of a frame with closed lips."""
    return np.convolve(closed, np.ones(2 * CLOSURE_TOLERANCE + 1), mode="same") > 0
