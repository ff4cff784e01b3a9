"""Landmark distance of a predicted face and the true one, both from the same detector."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter1d

from instag.errors import BadArgument
from instag.evaluation.not_measured import NotMeasured
from instag.perception.face_mesh import MAX_GAP, FaceMesh, sixty_eight
from instag.perception.landmark_pairs import OUTER_EYES, distance
from instag.types import LANDMARKS

SIZE_FRAMES = 12.0
"""Frames: the standard deviation of the smoothing of the face's size."""
MOUTH = slice(48, 68)
"""The 20 points of the mouth among the 68 of the iBUG scheme."""


@final
@dataclass(frozen=True, kw_only=True)
class TrackedLandmarks:
    """The landmarks of a sequence of pictures: x and y in pixels, z in pixels relative to the head.

    found: frames with a face. In gaps of up to 5 frames the points are interpolated linearly in
    time; in longer gaps, before the first and after the last face, they are NaN.
    """

    points: Float[np.ndarray, "f 478 3"]
    found: Bool[np.ndarray, " f"]

    def __len__(self) -> int:
        return len(self.found)

    @property
    def known(self) -> Bool[np.ndarray, " f"]:
        """Frames whose points are numbers, detected or interpolated."""
        return np.isfinite(self.points[:, 0, 0])

    @property
    def eye_distance(self) -> Float[np.ndarray, " f"]:
        """Between the outer corners of the eyes, in pixels; the unit of all that is free of
        scale."""
        return distance(self.points, OUTER_EYES, 2)


@final
class LandmarkTracker:
    """Tracks a face in a stream of pictures; `observed` returns the landmarks so far.

    It follows one face from picture to picture, so each sequence needs its own tracker.
    """

    def __init__(self) -> None:
        self._mesh = FaceMesh()
        self._seen: list[Float[np.ndarray, "478 3"] | None] = []

    def track(self, picture: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The landmarks in the next picture, RGB, in pixels; None where no face is seen."""
        self._seen.append(self._mesh.find(np.ascontiguousarray(picture)))
        return self._seen[-1]

    def observed(self) -> TrackedLandmarks:
        """All pictures so far."""
        return track_landmarks(self._seen)


def track_landmarks(seen: list[Float[np.ndarray, "478 3"] | None]) -> TrackedLandmarks:
    """What a detector saw in each frame of a sequence, with its short gaps filled (see
    TrackedLandmarks)."""
    found = np.array([points is not None for points in seen], bool)
    table = np.full((len(seen), LANDMARKS, 3), np.nan, np.float32)
    for index in np.flatnonzero(found):
        table[index] = seen[index]
    seen_at = np.flatnonzero(found)
    for before, after in pairwise(seen_at.tolist()):
        if 1 < after - before <= MAX_GAP + 1:
            weight = (np.arange(1, after - before) / (after - before)).astype(np.float32)[
                :, None, None
            ]
            table[before + 1 : after] = table[before] * (1 - weight) + table[after] * weight
    return TrackedLandmarks(points=table, found=found)


def face_size(observed: TrackedLandmarks) -> Float[np.ndarray, " f"]:
    """The distance of the outer corners of the eyes (33 and 263) with depth, pixels, smoothed by a
    Gaussian of 12 frames' standard deviation: the size of the face changes slowly, and what is
    faster is the detector's error."""
    corners = observed.points[:, OUTER_EYES].astype(np.float64)
    eyes = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
    known = np.isfinite(eyes).astype(np.float64)
    weight = gaussian_filter1d(known, SIZE_FRAMES)
    return gaussian_filter1d(np.nan_to_num(eyes), SIZE_FRAMES) / np.maximum(weight, 1e-12)


def check_lengths(prediction: int, truth: int) -> None:
    """Raises BadArgument where a prediction has fewer or more frames than the truth: a lost frame
    shifts all that follow."""
    if prediction != truth:
        raise BadArgument(
            f"The prediction has {prediction} frames and the truth {truth}. Frames are compared "
            "one by one: bring both to the same frame rate and length."
        )


@final
@dataclass(frozen=True, kw_only=True)
class LandmarkDistance:
    """LMD: means over `frames` frames. plain: in pixels; centered: the same without the mouth's own
    place, pixels.

    plain_percent, centered_percent: per cent of the truth's eye distance. dropped: frames without a
    face in the prediction, the truth, or both.
    """

    plain: float | NotMeasured
    centered: float | NotMeasured
    plain_percent: float | NotMeasured
    centered_percent: float | NotMeasured
    frames: int
    dropped: int


def landmark_distance(prediction: TrackedLandmarks, truth: TrackedLandmarks) -> LandmarkDistance:
    """LMD: mean distance in pixels of the mouth's 20 landmarks (48 to 67 of the 68) from the true
    ones, over points and frames.

    plain: |p - t|. centered: |(p - mean p) - (t - mean t)| with the means over the 20 points of the
    frame, as the reference has it, which is blind to a mouth in the wrong place
    (docs/method.md#flaws-of-the-reference). In per cent of the distance of the outer corners of the
    true eyes (landmarks 33 and 263) both are free of the picture's size. Only frames count where
    the detector saw both faces. Raises BadArgument for different lengths.
    """
    plain, centered = mouth_distances(prediction, truth)
    used = np.isfinite(plain)
    counts = {"frames": int(used.sum()), "dropped": int((~used).sum())}
    if not used.any():
        reason = NotMeasured("in no frame a face was seen both in the prediction and in the truth")
        return LandmarkDistance(
            plain=reason, centered=reason, plain_percent=reason, centered_percent=reason, **counts
        )
    percent = 100 / truth.eye_distance[used]
    return LandmarkDistance(
        plain=float(plain[used].mean()),
        centered=float(centered[used].mean()),
        plain_percent=float((plain[used] * percent).mean()),
        centered_percent=float((centered[used] * percent).mean()),
        **counts,
    )


def mouth_distances(
    prediction: TrackedLandmarks, truth: TrackedLandmarks
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """Plain and centred distance of each frame in pixels (see `landmark_distance`); NaN where a
    face was not seen. Raises BadArgument."""
    check_lengths(len(prediction), len(truth))
    one, other = (
        sixty_eight(observed.points)[:, MOUTH].astype(np.float64)
        for observed in (prediction, truth)
    )
    plain = np.linalg.norm(one - other, axis=-1).mean(-1)
    centered = np.linalg.norm(
        (one - one.mean(1, keepdims=True)) - (other - other.mean(1, keepdims=True)), axis=-1
    ).mean(-1)
    both = prediction.found & truth.found
    return np.where(both, plain, np.nan), np.where(both, centered, np.nan)
