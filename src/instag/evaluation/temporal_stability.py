"""Temporal stability: flicker of the picture and jitter of the head, against the truth."""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.tracking.fit_head import RIGID
from instag.errors import BadArgument
from instag.evaluation.crops import Box
from instag.evaluation.landmarks import TrackedLandmarks, check_lengths
from instag.evaluation.not_measured import NotMeasured
from instag.types import Region

AWAY_FROM_PERSON = 1 / 64
"""Least distance of the measured backdrop from the person, over the picture's height: hair moves,
and its mask is not exact."""
MIN_BACKDROP_SHARE = 0.01
"""Share of the picture that must be backdrop for its flicker to be measured."""
MIN_FRAMES = 10


@final
@dataclass(frozen=True, kw_only=True)
class Change:
    """Mean |I_t - I_(t-1)| over pixels, channels and frames, in levels of 0 to 255. ratio:
    prediction over truth; 1 changes as much, 0 not at all."""

    prediction: float | NotMeasured
    truth: float | NotMeasured
    ratio: float | NotMeasured


@final
@dataclass(frozen=True, kw_only=True)
class Flicker:
    """Change of pictures from frame to frame: of all, of the head box, and of the backdrop away
    from the person. steps: pairs of frames."""

    full: Change
    head: Change
    backdrop: Change
    steps: int


@final
class FlickerMeter:
    """Change of a prediction and of the truth, from a stream of pictures; `flicker` returns
    the measurement so far.

    Between the frame before and this one: mean |I_t - I_(t-1)| of the 8-bit pictures, over all
    pixels and channels; over this frame's true head box; and over the pixels that are backdrop in
    both true frames and 1/64 of the height away from anything else. Grain of the camera and the
    video's coder are part of the truth's change.
    """

    def __init__(self) -> None:
        self._previous: tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"]] | None = None
        self._backdrop_before: Bool[np.ndarray, "h w"] | None = None
        self._steps = 0
        self._changes: dict[str, list[tuple[float, float]]] = {
            "full": [],
            "head": [],
            "backdrop": [],
        }

    def add(
        self,
        picture: UInt8[np.ndarray, "h w 3"],
        truth: UInt8[np.ndarray, "true_h true_w 3"],
        head: Box | None = None,
        regions: UInt8[np.ndarray, "true_h true_w"] | None = None,
    ) -> None:
        """The next frame, predicted and true, RGB, the true head box and Region numbers where
        known. Raises BadArgument for pictures of different sizes."""
        if picture.shape != truth.shape or (
            self._previous is not None and picture.shape != self._previous[0].shape
        ):
            raise BadArgument(
                f"Pictures of different sizes: {picture.shape[1]}x{picture.shape[0]} predicted, "
                f"{truth.shape[1]}x{truth.shape[0]} true. Bring all to one size."
            )
        backdrop = None if regions is None else _backdrop(regions)
        if self._previous is not None:
            one, other = (
                cv2.absdiff(now, before)
                for now, before in zip((picture, truth), self._previous, strict=True)
            )
            self._steps += 1
            self._changes["full"].append((_mean(one), _mean(other)))
            if head is not None:
                self._changes["head"].append((_mean(head.cut(one)), _mean(head.cut(other))))
            if backdrop is not None and self._backdrop_before is not None:
                still = (backdrop & self._backdrop_before).astype(np.uint8)
                if still.mean() >= MIN_BACKDROP_SHARE:
                    self._changes["backdrop"].append((_mean(one, still), _mean(other, still)))
        self._previous, self._backdrop_before = (picture.copy(), truth.copy()), backdrop

    def flicker(self) -> Flicker:
        """Of all frames so far."""
        return Flicker(
            full=_change(self._changes["full"], "there are fewer than two frames"),
            head=_change(self._changes["head"], "the head's place in the true frames is not known"),
            backdrop=_change(
                self._changes["backdrop"],
                "no regions show where the backdrop is, or almost none is seen",
            ),
            steps=self._steps,
        )


@final
@dataclass(frozen=True, kw_only=True)
class Jitter:
    """Jitter of the head in per cent of the eye distance (see `head_jitter`). ratio: prediction
    over truth. frames: compared."""

    prediction: float | NotMeasured
    truth: float | NotMeasured
    ratio: float | NotMeasured
    frames: int


def head_jitter(prediction: TrackedLandmarks, truth: TrackedLandmarks) -> Jitter:
    """Root of the mean square of p_(t-1) - 2 p_t + p_(t+1) over the landmarks that move with the
    skull (capture.tracking.fit_head.RIGID) and over frames.

    In the picture, in per cent of the frame's eye distance. Uniform movement adds nothing; the
    detector's own jitter is in both numbers. Only frames count where a face was seen in three
    neighbours, in both sequences. Raises BadArgument for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    both = prediction.found & truth.found
    used = both[2:] & both[1:-1] & both[:-2]
    count = int(used.sum())
    if count < MIN_FRAMES:
        reason = NotMeasured(
            f"three neighbouring frames with a face in both are found only {count} times"
        )
        return Jitter(prediction=reason, truth=reason, ratio=reason, frames=count)
    predicted, true = (_squared_jitter(observed)[used] for observed in (prediction, truth))
    one, other = (float(np.sqrt(np.mean(each))) for each in (predicted, true))
    return Jitter(prediction=one, truth=other, ratio=_ratio(one, other), frames=count)


def _squared_jitter(observed: TrackedLandmarks) -> Float[np.ndarray, " g"]:
    """Mean square of the second differences at each frame but the first and last, in per cent of
    the eye distance, squared."""
    points = observed.points[:, RIGID, :2].astype(np.float64)
    bends = (np.diff(points, n=2, axis=0) ** 2).sum(-1).mean(-1)
    return bends * (100 / observed.eye_distance[1:-1]) ** 2


def _backdrop(regions: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Backdrop away from the person."""
    reach = max(1, round(regions.shape[0] * AWAY_FROM_PERSON))
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.erode(
        (regions == Region.BACKGROUND).astype(np.uint8), window, borderType=cv2.BORDER_REPLICATE
    ).astype(bool)


def _mean(
    difference: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"] | None = None
) -> float:
    return float(np.mean(cv2.mean(difference, mask)[:3]))


def _change(pairs: list[tuple[float, float]], otherwise: str) -> Change:
    if not pairs:
        reason = NotMeasured(otherwise)
        return Change(prediction=reason, truth=reason, ratio=reason)
    prediction, truth = (float(value) for value in np.mean(pairs, axis=0))
    return Change(prediction=prediction, truth=truth, ratio=_ratio(prediction, truth))


def _ratio(prediction: float, truth: float) -> float | NotMeasured:
    return prediction / truth if truth > 0 else NotMeasured("the truth does not move")
