"""Every number of a measurement as a row of the table, in the order of the report."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Bool

from instag.evaluation.bad_frames import worst_mean
from instag.evaluation.crops import PLACES
from instag.evaluation.lip_sync import Closures, CurveSync, SilentMovement
from instag.evaluation.measure import Measurement
from instag.evaluation.metrics_table import Better, Number, Row
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.parts import PARTS
from instag.evaluation.speed import Speed
from instag.evaluation.syncnet_scores import Sync

LIPS = "Lips and truth"
"""The group of rows about lips."""
PLACE_NAMES = {"full": "whole picture", "head": "head", "face": "face box", "mouth": "mouth box"}


def rows_of(
    measured: Measurement,
    speed: Speed | None = None,
    outside: Bool[np.ndarray, " f"] | None = None,
) -> list[Row]:
    """Every number of a measurement. outside: frames beyond the turns and expressions that an
    avatar learned from."""
    rows = [
        *_picture_rows(measured),
        *_part_rows(measured),
        *_bad_frame_rows(measured),
        *([] if outside is None else _range_rows(measured, outside)),
        *_blink_rows(measured),
        *_landmark_rows(measured),
        *_lip_rows(measured),
        *_sync_rows(measured),
        *_unit_rows(measured),
        *_steady_rows(measured),
        *(speed_rows(speed) if speed else []),
    ]
    return [replace(row, value=_finite(row.value), truth=_finite_truth(row)) for row in rows]


def speed_rows(speed: Speed) -> list[Row]:
    """Times, sizes and memory."""
    row = _rows_in("Speed and size")
    speaking = "speaking, encoding and start included"
    return [
        row("prepare_s", "observing", speed.prepare_s, unit="s", better="less"),
        row("adapt_s", "learning", speed.adapt_s, unit="s", better="less"),
        row("painting_fps", "rendering", speed.rendering_fps, unit="frames/s", better="more"),
        row("speaking_fps", speaking, speed.speaking_fps, unit="frames/s", better="more"),
        row(
            "memory_mb",
            "most memory of this evaluation",
            speed.memory_mb,
            unit="MB",
            better="less",
        ),
        row("splats_face", "Gaussians of the face", speed.splats_face),
        row("splats_mouth", "Gaussians of the mouth", speed.splats_mouth),
        row("file_mb", "avatar file", speed.file_mb, unit="MB", better="less"),
    ]


def _rows_in(group: str) -> Callable[..., Row]:
    """Makes rows of one group: row(key, label, value, unit=..., better=..., truth=...)."""
    return partial(_row, group)


def _row(
    group: str,
    key: str,
    label: str,
    value: Number,
    *,
    unit: str = "",
    better: Better = "",
    truth: Number | None = None,
) -> Row:
    return Row(
        group=group, key=key, label=label, unit=unit, better=better, value=value, truth=truth
    )


def _picture_rows(measured: Measurement) -> list[Row]:
    row = _rows_in("Picture")
    rows = []
    for place in PLACES:
        metrics, name = measured.image[place], PLACE_NAMES[place]
        rows += [
            row(f"psnr_{place}", f"PSNR, {name}", metrics.psnr, unit="dB", better="more"),
            row(f"ssim_{place}", f"SSIM, {name}", metrics.ssim, better="more", truth=1.0),
            row(f"lpips_{place}", f"LPIPS, {name}", metrics.lpips, better="less", truth=0.0),
        ]
    return rows


def _part_rows(measured: Measurement) -> list[Row]:
    row, rows = _rows_in("Picture"), []
    for part in PARTS:
        error = measured.parts[part]
        rows += [
            row(f"psnr_{part}", f"PSNR, {part}", error.psnr, unit="dB", better="more"),
            row(f"lpips_{part}", f"LPIPS, {part}", error.lpips, better="less", truth=0.0),
        ]
    return rows


def _bad_frame_rows(measured: Measurement) -> list[Row]:
    row, frames = _rows_in("Worst frames"), measured.per_frame
    worst = [
        row(
            f"psnr_{place}_worst",
            f"PSNR, {PLACE_NAMES[place]}, worst twentieth of the frames",
            worst_mean(frames.psnr[place]),
            unit="dB",
            better="more",
        )
        for place in ("full", "face")
    ]
    broken = 100 * float(frames.broken.mean())
    label = "frames in which a part is 6 dB below its median, or the face is lost"
    return [*worst, row("broken_frames", label, broken, unit="%", better="less", truth=0.0)]


def _range_rows(measured: Measurement, outside: Bool[np.ndarray, " f"]) -> list[Row]:
    row = _rows_in("Beyond what was taught")
    share = 100 * float(outside.mean())
    rows = [row("outside", "frames with turns or expressions beyond the taught", share, unit="%")]
    for name, frames in (("outside", outside), ("within", ~outside)):
        rows += [
            row(
                f"psnr_{place}_{name}",
                f"PSNR, {PLACE_NAMES[place]}, frames {name} of it",
                _mean_of(measured.per_frame.psnr[place][frames]),
                unit="dB",
                better="more",
            )
            for place in ("full", "face")
        ]
    return rows


def _mean_of(values: np.ndarray) -> float | NotMeasured:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else NotMeasured("there is no such frame")


def _blink_rows(measured: Measurement) -> list[Row]:
    blinks, row = measured.blinks, _rows_in("Eyes")
    least = "lids' least opening in a true blink, of the usual one"
    return [
        row("blinks", "blinks of the true eyes", blinks.count),
        row("blink_closure", least, blinks.closure, better="truth", truth=blinks.true_closure),
        row(
            "eye_correlation",
            "opening: correlation",
            blinks.correlation,
            better="more",
            truth=1.0,
        ),
        row("eye_usual", "usual opening, of the truth's", blinks.usual, better="one", truth=1.0),
    ]


def _landmark_rows(measured: Measurement) -> list[Row]:
    found, percent = measured.landmarks, "% of eye distance"
    anywhere = "LMD, blind to the mouth's place"
    row = _rows_in("Landmarks of the mouth")
    less = partial(row, better="less", truth=0.0)
    return [
        less("lmd", "LMD", found.plain, unit="px"),
        less("lmd_percent", "LMD", found.plain_percent, unit=percent),
        less("lmd_centred", f"{anywhere} (as published)", found.centered, unit="px"),
        less("lmd_centred_percent", anywhere, found.centered_percent, unit=percent),
        row("faceless", "frames without a face, left out", found.dropped, better="zero"),
    ]


def _lip_rows(measured: Measurement) -> list[Row]:
    lips = measured.lips
    return [
        *_curve_rows("aperture", "opening", lips.aperture),
        *_curve_rows("width", "width", lips.width),
        *_curve_rows("jaw", "jaw", lips.jaw),
        *_closure_rows(lips.closures),
        *_silence_rows(lips.silence),
    ]


def _curve_rows(key: str, name: str, curve: CurveSync) -> list[Row]:
    row = _rows_in(LIPS)
    late = f"{name}: lag of the best fit (late is more than 0)"
    fit, ratio = f"{name}: correlation at that lag", f"{name}: movement, of the truth's"
    return [
        row(
            f"{key}_correlation",
            f"{name}: correlation",
            curve.correlation,
            better="more",
            truth=1.0,
        ),
        row(f"{key}_lag", late, curve.lag, unit="frames", better="zero", truth=0),
        row(f"{key}_lag_correlation", fit, curve.lag_correlation, better="more", truth=1.0),
        row(f"{key}_movement", ratio, curve.movement_ratio, better="one", truth=1.0),
    ]


def _closure_rows(closures: Closures) -> list[Row]:
    row, threshold = _rows_in(LIPS), closures.threshold
    count = threshold if isinstance(threshold, NotMeasured) else closures.count
    more = partial(row, better="more", truth=1.0)
    near, chance = "closed frames near a true closure, of all", closures.precision_by_chance
    return [
        row("closures", "closures of the true lips", count),
        more("closure_recall", "closures met, of all", closures.recall),
        row("closure_recall_by_chance", "closures met by chance", closures.recall_by_chance),
        more("closure_precision", near, closures.precision),
        row("closure_precision_by_chance", "frames near a true closure by chance", chance),
    ]


def _silence_rows(silence: SilentMovement | NotMeasured) -> list[Row]:
    row = _rows_in(LIPS)
    unmeasured = isinstance(silence, NotMeasured)
    return [
        row("silent_frames", "silent frames", silence if unmeasured else silence.frames),
        row(
            "silent_movement",
            "movement in silence",
            silence if unmeasured else silence.prediction,
            unit="eye distances/s",
            better="truth",
            truth=None if unmeasured else silence.truth,
        ),
    ]


def _sync_rows(measured: Measurement) -> list[Row]:
    rendered, true = measured.sync.prediction, measured.sync.truth

    def row(key: str, label: str, unit: str, better: Better) -> Row:
        return _row(
            "Lips and voice (SyncNet)",
            f"sync_{key}",
            label,
            _sync_value(rendered, key),
            unit=unit,
            better=better,
            truth=_sync_value(true, key),
        )

    return [
        row("confidence", "Sync-C", "", "more"),
        row("distance", "Sync-D", "", "less"),
        row("offset", "offset (late picture is more than 0)", "frames", "zero"),
    ]


def _sync_value(found: Sync | NotMeasured, key: str) -> float | NotMeasured:
    return found if isinstance(found, NotMeasured) else float(getattr(found, key))


def _unit_rows(measured: Measurement) -> list[Row]:
    units, row = measured.action_units, _rows_in("Action units")
    if isinstance(units, NotMeasured):
        return [
            row(f"aue_{half}", f"AUE, {half} face", units, better="less")
            for half in ("upper", "lower")
        ]
    return [
        row(
            f"aue_{half}",
            f"AUE, {half} face: {', '.join(names) or 'none'} ({units.source})",
            value,
            better="less",
            truth=0.0,
        )
        for half, value, names in (
            ("upper", units.upper, units.upper_units),
            ("lower", units.lower, units.lower_units),
        )
    ]


def _steady_rows(measured: Measurement) -> list[Row]:
    flicker, jitter = measured.flicker, measured.jitter
    row = partial(_rows_in("Steadiness"), better="truth")
    rows = [
        row(
            f"change_{key}",
            f"change between frames, {name}",
            one.prediction,
            unit="levels of 255",
            truth=one.truth,
        )
        for key, name, one in (
            ("full", "whole picture", flicker.full),
            ("head", "head", flicker.head),
            ("backdrop", "backdrop", flicker.backdrop),
        )
    ]
    trembling = row(
        "jitter",
        "trembling of the head",
        jitter.prediction,
        unit="% of eye distance",
        truth=jitter.truth,
    )
    return [*rows, trembling]


def _finite_truth(row: Row) -> Number | None:
    return None if row.truth is None else _finite(row.truth)


def _finite(value: Number) -> Number:
    if isinstance(value, NotMeasured) or math.isfinite(value):
        return value
    return NotMeasured("no finite number came out")
