"""One pass over a prediction and the truth, frame by frame, that measures all that is measured of
them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from instag.errors import BadArgument
from instag.evaluation.action_units import ActionUnitError, AuTable, action_unit_error, estimate
from instag.evaluation.bad_frames import broken_frames
from instag.evaluation.blinks import Blinks, compare_blinks
from instag.evaluation.crops import PLACES, Place, boxes
from instag.evaluation.held_out import FramePair
from instag.evaluation.image import ImageMetrics, compare_pictures
from instag.evaluation.landmarks import (
    LandmarkDistance,
    LandmarkTracker,
    TrackedLandmarks,
    landmark_distance,
    mouth_distances,
)
from instag.evaluation.lip_sync import LipCurves, LipSync, lip_curves, lip_sync
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.part_errors import PartError, PartMeter
from instag.evaluation.parts import Part, part_masks
from instag.evaluation.sample_frames import Samples, Sampling
from instag.evaluation.syncnet import SyncNet
from instag.evaluation.syncnet_scores import Sync, SyncNetTracker, compare, embed_speech
from instag.evaluation.temporal_stability import Flicker, FlickerMeter, Jitter, head_jitter
from instag.ops.lpips import Lpips
from instag.runtime.progress import Report, silent
from instag.types import FPS, SAMPLE_RATE

SILENT_BELOW = 0.1
"""A frame is silent where its sound is below this share of the typical loudness, which is the 90th
percentile of all frames' root mean squares."""
SILENT_RUN = 3
"""Frames that a silence lasts at least: shorter ones are closures within words."""

Regions = Callable[[int], UInt8[np.ndarray, "h w"]]
"""Region numbers of the true frame of an index, of the frame's size."""
Mattes = Callable[[int], UInt8[np.ndarray, "h w"]]
"""The person's share of each pixel of the true frame of an index, of the frame's size."""


@final
@dataclass(frozen=True, kw_only=True)
class SyncPair:
    """SyncNet's measure of the prediction, and of the truth with the same sound."""

    prediction: Sync | NotMeasured
    truth: Sync | NotMeasured


@final
@dataclass(frozen=True, kw_only=True)
class PerFrame:
    """Curves over the frames; NaN where a frame has no value. broken: see `broken_frames`. lmd:
    plain, pixels. loudness: root mean square of the sound."""

    index: list[int]
    psnr: dict[Place, Float[np.ndarray, " f"]]
    broken: Bool[np.ndarray, " f"]
    lmd: Float[np.ndarray, " f"]
    prediction: LipCurves
    truth: LipCurves
    loudness: Float[np.ndarray, " f"] | None
    silent: Bool[np.ndarray, " f"] | None


@final
@dataclass(frozen=True, kw_only=True)
class Measurement:
    """All results. size: width and height in pixels. image: means over the frames in which the
    box is known."""

    frames: int
    size: tuple[int, int]
    image: dict[Place, ImageMetrics]
    parts: dict[Part, PartError]
    blinks: Blinks
    landmarks: LandmarkDistance
    lips: LipSync
    sync: SyncPair
    action_units: ActionUnitError | NotMeasured
    flicker: Flicker
    jitter: Jitter
    per_frame: PerFrame
    samples: Samples


def measure(
    pairs: Iterable[FramePair],
    *,
    regions: Regions | None = None,
    mattes: Mattes | None = None,
    speech: Float[np.ndarray, " samples"] | NotMeasured,
    lpips: Lpips | None = None,
    syncnet: SyncNet | NotMeasured,
    tables: tuple[AuTable, AuTable] | None = None,
    device: torch.device | str = "cpu",
    total: int = 0,
    report: Report = silent,
) -> Measurement:
    """Measure a prediction against the truth in one pass, in constant memory.

    regions, mattes: what each true frame shows, and its soft outline, where known. speech: the
    sound of these frames, 16 kHz, [-1, 1]. tables: action units of prediction and truth from
    OpenFace; without them both are estimated from landmarks. device: where pictures are compared,
    and where `lpips` lies; faces are detected on the CPU. total: frames to come, for `report`.
    Raises BadArgument where there is no frame.
    """
    prediction, truth = LandmarkTracker(), LandmarkTracker()
    meters = _Meters((prediction, truth), (regions, mattes), lpips, syncnet, device)
    for done, pair in enumerate(pairs, start=1):
        meters.add(pair)
        report(done, max(total, done))
    return meters.measurement(speech, tables)


@final
class _Meters:
    """The meters of a measurement, which are updated pair by pair. trackers: of the prediction's
    faces and of the truth's."""

    def __init__(
        self,
        trackers: tuple[LandmarkTracker, LandmarkTracker],
        shown: tuple[Regions | None, Mattes | None],
        lpips: Lpips | None,
        syncnet: SyncNet | NotMeasured,
        device: torch.device | str,
    ) -> None:
        self._trackers, self._lpips = trackers, lpips
        self._regions, self._mattes = shown
        self._syncnet, self._device = syncnet, device
        self._readers = (
            None
            if isinstance(syncnet, NotMeasured)
            else (SyncNetTracker(syncnet), SyncNetTracker(syncnet))
        )
        self._metrics: list[dict[Place, ImageMetrics]] = []
        self._indices: list[int] = []
        self._parts = PartMeter(lpips, device)
        self._flicker, self._sampling = FlickerMeter(), Sampling()
        self._size = (0, 0)

    def add(self, pair: FramePair) -> None:
        """The next pair in time."""
        self._size = (pair.truth.shape[1], pair.truth.shape[0])
        shown = self._regions(pair.index) if self._regions else None
        pictures = (pair.prediction, pair.truth)
        seen, true = (
            tracker.track(each) for tracker, each in zip(self._trackers, pictures, strict=True)
        )
        places = boxes(self._size, true, shown)
        matte = self._mattes(pair.index) if self._mattes else None
        self._parts.add(*pictures, part_masks(self._size, true, shown, matte))
        metrics = compare_pictures(*pictures, places, self._lpips, device=self._device)
        self._flicker.add(*pictures, places.get("head"), shown)
        for reader, picture, points in zip(
            self._readers or (), pictures, (seen, true), strict=False
        ):
            reader.add(picture, points)
        self._sampling.add(pair, places, metrics)
        self._metrics.append(metrics)
        self._indices.append(pair.index)

    def measurement(
        self,
        speech: Float[np.ndarray, " samples"] | NotMeasured,
        tables: tuple[AuTable, AuTable] | None,
    ) -> Measurement:
        """All numbers, after the last pair. Raises BadArgument where there was none."""
        if not self._indices:
            raise BadArgument(
                "There is no frame to compare. Choose others, or learn with fewer views so that "
                "some are held back."
            )
        frames = len(self._indices)
        prediction, truth = (tracker.observed() for tracker in self._trackers)
        loudness = None if isinstance(speech, NotMeasured) else frame_loudness(speech, frames)
        quiet = None if loudness is None else silence(loudness)
        psnr: dict[Place, Float[np.ndarray, " f"]] = {place: self._psnr(place) for place in PLACES}
        parts = self._parts.errors()
        by_part = {**psnr, **{part: error.per_frame for part, error in parts.items()}}
        return Measurement(
            frames=frames,
            size=self._size,
            image={place: self._mean_metrics(place) for place in PLACES},
            parts=parts,
            blinks=compare_blinks(prediction, truth),
            landmarks=landmark_distance(prediction, truth),
            lips=lip_sync(prediction, truth, quiet),
            sync=_synchrony(self._readers, speech, self._syncnet),
            action_units=_action_units(prediction, truth, self._size, tables),
            flicker=self._flicker.flicker(),
            jitter=head_jitter(prediction, truth),
            per_frame=PerFrame(
                index=self._indices,
                psnr=psnr,
                broken=broken_frames(by_part, prediction.found, truth.found),
                lmd=mouth_distances(prediction, truth)[0],
                prediction=lip_curves(prediction),
                truth=lip_curves(truth),
                loudness=loudness,
                silent=quiet,
            ),
            samples=self._sampling.samples(),
        )

    def _mean_metrics(self, place: Place) -> ImageMetrics:
        return _mean_metrics([each[place] for each in self._metrics if place in each])

    def _psnr(self, place: Place) -> Float[np.ndarray, " f"]:
        """NaN where the place is not known."""
        return np.array(
            [_number(each[place].psnr) if place in each else np.nan for each in self._metrics]
        )


def frame_loudness(speech: Float[np.ndarray, " samples"], frames: int) -> Float[np.ndarray, " f"]:
    """Root mean square of the sound of each frame; a sound that ends early goes on in silence."""
    length = SAMPLE_RATE // FPS
    padded = np.pad(speech[: frames * length], (0, max(0, frames * length - len(speech))))
    return np.sqrt(np.mean(padded.reshape(frames, length).astype(np.float64) ** 2, axis=1))


def silence(loudness: Float[np.ndarray, " f"]) -> Bool[np.ndarray, " f"]:
    """Frames in runs of three or more that are below a tenth of the typical loudness (its 90th
    percentile); of a mute recording, all."""
    low = loudness <= SILENT_BELOW * np.quantile(loudness, 0.9)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(np.int8)))
    kept = np.zeros_like(low)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        kept[start:end] = end - start >= SILENT_RUN
    return kept


def _mean_metrics(each: list[ImageMetrics]) -> ImageMetrics:
    if not each:
        nowhere = NotMeasured("the box is known in no frame, as no face was found in the truth")
        return ImageMetrics(psnr=nowhere, ssim=nowhere, lpips=nowhere)
    return ImageMetrics(
        psnr=_mean([one.psnr for one in each]),
        ssim=_mean([one.ssim for one in each]),
        lpips=_mean([one.lpips for one in each]),
    )


def _mean(values: list[float | NotMeasured]) -> float | NotMeasured:
    """The mean of what was measured; the first reason where nothing was."""
    numbers = [value for value in values if not isinstance(value, NotMeasured)]
    return (
        float(np.mean(numbers))
        if numbers
        else next(value for value in values if isinstance(value, NotMeasured))
    )


def _number(value: float | NotMeasured) -> float:
    return float("nan") if isinstance(value, NotMeasured) else value


def _synchrony(
    readers: tuple[SyncNetTracker, SyncNetTracker] | None,
    speech: Float[np.ndarray, " samples"] | NotMeasured,
    syncnet: SyncNet | NotMeasured,
) -> SyncPair:
    if isinstance(syncnet, NotMeasured) or readers is None:
        reason = (
            syncnet if isinstance(syncnet, NotMeasured) else NotMeasured("no SyncNet was given")
        )
        return SyncPair(prediction=reason, truth=reason)
    if isinstance(speech, NotMeasured):
        return SyncPair(prediction=speech, truth=speech)
    voice = embed_speech(syncnet, speech)
    prediction, truth = (
        lips if isinstance(lips := reader.embeddings(), NotMeasured) else compare(lips, voice)
        for reader in readers
    )
    return SyncPair(prediction=prediction, truth=truth)


def _action_units(
    prediction: TrackedLandmarks,
    truth: TrackedLandmarks,
    size: tuple[int, int],
    tables: tuple[AuTable, AuTable] | None,
) -> ActionUnitError | NotMeasured:
    measured = tables or estimate(prediction, truth, size)
    return measured if isinstance(measured, NotMeasured) else action_unit_error(*measured)
