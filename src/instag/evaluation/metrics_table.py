"""The numbers of a measurement as one flat table, in the order a reader wants them; metrics.json
and metrics.csv hold it."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal, final, get_args

from instag.errors import BadArgument, FileMissing
from instag.evaluation.crops import PLACES
from instag.evaluation.lip_sync import CurveSync
from instag.evaluation.measure import Measurement
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.speed import Speed
from instag.evaluation.syncnet_scores import Sync
from instag.runtime.files import write_atomic

Better = Literal["more", "less", "one", "zero", "truth", ""]
"""Which value is better: more, less, near 1, near 0, near the truth's, or none."""
FORMAT_VERSION: Final = 1
PLACE_NAMES = {"full": "whole picture", "head": "head", "face": "face box", "mouth": "mouth box"}


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """One number. key: its name in files. truth: what the true frames give, where that says
    something."""

    group: str
    key: str
    label: str
    unit: str = ""
    better: Better = ""
    value: float | int | NotMeasured
    truth: float | int | NotMeasured | None = None


@final
@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A whole table. about: what was measured and on which machine, as names and texts."""

    about: dict[str, str]
    rows: Sequence[Row]

    def row(self, key: str) -> Row | None:
        """The row of a name, or None."""
        return next((row for row in self.rows if row.key == key), None)

    def save(self, folder: Path) -> None:
        """Write metrics.json and metrics.csv. Raises DiskFull."""
        table = [
            {
                **asdict(row),
                "value": _plain(row.value),
                "truth": _plain(row.truth),
                "missing": _reason(row.value),
                "truth_missing": _reason(row.truth),
            }
            for row in self.rows
        ]
        write_atomic(
            folder / "metrics.json",
            json.dumps(
                {"format_version": FORMAT_VERSION, "about": self.about, "rows": table},
                indent=1,
                allow_nan=False,
            ),
        )
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("key", "label", "unit", "value", "truth", "not measured"))
        writer.writerows(
            (
                row.key,
                f"{row.group}: {row.label}",
                row.unit,
                _cell(row.value),
                _cell(row.truth),
                _either_reason(row),
            )
            for row in self.rows
        )
        write_atomic(folder / "metrics.csv", lines.getvalue())


def load(folder: Path) -> Metrics:
    """The metrics that a report's folder holds. Raises FileMissing, BadArgument."""
    path = folder / "metrics.json"
    if not path.is_file():
        raise FileMissing(
            f"{folder} holds no metrics.json. Make it with: instag evaluate AVATAR CLIP -o {folder}"
        )
    try:
        stored = json.loads(path.read_text())
        version, about = (
            stored["format_version"],
            {str(name): str(text) for name, text in stored["about"].items()},
        )
        if version > FORMAT_VERSION:
            raise BadArgument(
                f"{path} was written by a newer instag (format {version}). Update this one: pip "
                "install --upgrade instag"
            )
        return Metrics(about=about, rows=[_restored(row) for row in stored["rows"]])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:  # no JSON, no text, or not what was written into it
        raise BadArgument(
            f"{path} is damaged ({error}). Make it again with instag evaluate."
        ) from error


def rows_of(measured: Measurement, speed: Speed | None = None) -> list[Row]:
    """Every number of a measurement."""
    rows = [
        *_picture_rows(measured),
        *_landmark_rows(measured),
        *_lip_rows(measured),
        *_sync_rows(measured),
        *_unit_rows(measured),
        *_steady_rows(measured),
        *(speed_rows(speed) if speed else []),
    ]
    return [
        replace(
            row, value=_finite(row.value), truth=None if row.truth is None else _finite(row.truth)
        )
        for row in rows
    ]


def _picture_rows(measured: Measurement) -> list[Row]:
    rows = []
    for place in PLACES:
        likeness, name = measured.likeness[place], PLACE_NAMES[place]
        rows += [
            Row(
                group="Picture",
                key=f"psnr_{place}",
                label=f"PSNR, {name}",
                unit="dB",
                better="more",
                value=likeness.psnr,
            ),
            Row(
                group="Picture",
                key=f"ssim_{place}",
                label=f"SSIM, {name}",
                better="more",
                value=likeness.ssim,
                truth=1.0,
            ),
            Row(
                group="Picture",
                key=f"lpips_{place}",
                label=f"LPIPS, {name}",
                better="less",
                value=likeness.lpips,
                truth=0.0,
            ),
        ]
    return rows


def _landmark_rows(measured: Measurement) -> list[Row]:
    found, group = measured.landmarks, "Landmarks of the mouth"
    row = lambda key, label, unit, value: Row(
        group=group, key=key, label=label, unit=unit, better="less", value=value, truth=0.0
    )
    return [
        row("lmd", "LMD", "px", found.plain),
        row("lmd_percent", "LMD", "% of eye distance", found.plain_percent),
        row("lmd_centred", "LMD, blind to the mouth's place (as published)", "px", found.centred),
        row(
            "lmd_centred_percent",
            "LMD, blind to the mouth's place",
            "% of eye distance",
            found.centred_percent,
        ),
        Row(
            group=group,
            key="faceless",
            label="frames without a face, left out",
            better="zero",
            value=found.dropped,
        ),
    ]


def _lip_rows(measured: Measurement) -> list[Row]:
    lips, group = measured.lips, "Lips and truth"
    rows = [
        row
        for key, name, curve in (
            ("aperture", "opening", lips.aperture),
            ("width", "width", lips.width),
            ("jaw", "jaw", lips.jaw),
        )
        for row in _curve_rows(group, key, name, curve)
    ]
    closures = lips.closures
    rows += [
        Row(
            group=group,
            key="closures",
            label="closures of the true lips",
            value=closures.threshold
            if isinstance(closures.threshold, NotMeasured)
            else closures.count,
        ),
        Row(
            group=group,
            key="closure_recall",
            label="closures met, of all",
            better="more",
            value=closures.recall,
            truth=1.0,
        ),
        Row(
            group=group,
            key="closure_recall_by_chance",
            label="closures met by chance",
            value=closures.recall_by_chance,
        ),
        Row(
            group=group,
            key="closure_precision",
            label="closed frames near a true closure, of all",
            better="more",
            value=closures.precision,
            truth=1.0,
        ),
        Row(
            group=group,
            key="closure_precision_by_chance",
            label="frames near a true closure by chance",
            value=closures.precision_by_chance,
        ),
    ]
    quiet = lips.silence
    value, truth = (
        (quiet, None) if isinstance(quiet, NotMeasured) else (quiet.prediction, quiet.truth)
    )
    return [
        *rows,
        Row(
            group=group,
            key="silent_frames",
            label="silent frames",
            value=quiet if isinstance(quiet, NotMeasured) else quiet.frames,
        ),
        Row(
            group=group,
            key="silent_movement",
            label="movement in silence",
            unit="eye distances/s",
            better="truth",
            value=value,
            truth=truth,
        ),
    ]


def _curve_rows(group: str, key: str, name: str, curve: CurveSync) -> list[Row]:
    return [
        Row(
            group=group,
            key=f"{key}_correlation",
            label=f"{name}: correlation",
            better="more",
            value=curve.correlation,
            truth=1.0,
        ),
        Row(
            group=group,
            key=f"{key}_lag",
            label=f"{name}: lag of the best fit (late is more than 0)",
            unit="frames",
            better="zero",
            value=curve.lag,
            truth=0,
        ),
        Row(
            group=group,
            key=f"{key}_lag_correlation",
            label=f"{name}: correlation at that lag",
            better="more",
            value=curve.lag_correlation,
            truth=1.0,
        ),
        Row(
            group=group,
            key=f"{key}_movement",
            label=f"{name}: movement, of the truth's",
            better="one",
            value=curve.movement_ratio,
            truth=1.0,
        ),
    ]


def _sync_rows(measured: Measurement) -> list[Row]:
    painted, true, group = measured.sync.prediction, measured.sync.truth, "Lips and voice (SyncNet)"

    def row(key: str, label: str, unit: str, better: Better) -> Row:
        value, truth = (
            found if isinstance(found, NotMeasured) else _sync_value(found, key)
            for found in (painted, true)
        )
        return Row(
            group=group,
            key=f"sync_{key}",
            label=label,
            unit=unit,
            better=better,
            value=value,
            truth=truth,
        )

    return [
        row("confidence", "Sync-C", "", "more"),
        row("distance", "Sync-D", "", "less"),
        row("offset", "offset (late picture is more than 0)", "frames", "zero"),
    ]


def _sync_value(found: Sync, key: str) -> float:
    return {
        "confidence": found.confidence,
        "distance": found.distance,
        "offset": float(found.offset),
    }[key]


def _unit_rows(measured: Measurement) -> list[Row]:
    units, group = measured.action_units, "Action units"
    if isinstance(units, NotMeasured):
        return [
            Row(
                group=group,
                key=f"aue_{half}",
                label=f"AUE, {half} face",
                better="less",
                value=units,
            )
            for half in ("upper", "lower")
        ]
    row = lambda half, value, names: Row(  # noqa: E731
        group=group,
        key=f"aue_{half}",
        label=f"AUE, {half} face: {', '.join(names) or 'none'} ({units.source})",
        better="less",
        value=value,
        truth=0.0,
    )
    return [
        row("upper", units.upper, units.upper_units),
        row("lower", units.lower, units.lower_units),
    ]


def _steady_rows(measured: Measurement) -> list[Row]:
    group, flicker, jitter = "Steadiness", measured.flicker, measured.jitter
    rows = [
        Row(
            group=group,
            key=f"change_{key}",
            label=f"change between frames, {name}",
            unit="levels of 255",
            better="truth",
            value=one.prediction,
            truth=one.truth,
        )
        for key, name, one in (
            ("full", "whole picture", flicker.full),
            ("head", "head", flicker.head),
            ("backdrop", "backdrop", flicker.backdrop),
        )
    ]
    return [
        *rows,
        Row(
            group=group,
            key="jitter",
            label="trembling of the head",
            unit="% of eye distance",
            better="truth",
            value=jitter.prediction,
            truth=jitter.truth,
        ),
    ]


def speed_rows(speed: Speed) -> list[Row]:
    """Times, sizes and memory."""
    group = "Speed and size"
    row = lambda key, label, unit, better, value: Row(
        group=group, key=key, label=label, unit=unit, better=better, value=value
    )
    return [
        row("prepare_s", "observing", "s", "less", speed.prepare_s),
        row("adapt_s", "learning", "s", "less", speed.adapt_s),
        row("painting_fps", "painting", "frames/s", "more", speed.painting_fps),
        row(
            "speaking_fps",
            "speaking, encoding and start included",
            "frames/s",
            "more",
            speed.speaking_fps,
        ),
        row("memory_mb", "most memory of this evaluation", "MB", "less", speed.memory_mb),
        row("splats_face", "Gaussians of the face", "", "", speed.splats_face),
        row("splats_mouth", "Gaussians of the mouth", "", "", speed.splats_mouth),
        row("file_mb", "avatar file", "MB", "less", speed.file_mb),
    ]


def shown(value: float | int | NotMeasured | None) -> str:
    """A number for a reader: three to four digits that count."""
    if value is None:
        return ""
    if isinstance(value, NotMeasured):
        return str(value)
    if isinstance(value, int) or value == round(value):
        return f"{round(value):,}"
    if abs(value) < 0.0005:
        return f"{value:.1g}"  # what is not zero must not look like it
    return (
        f"{value:,.1f}"
        if abs(value) >= 100
        else f"{value:.2f}"
        if abs(value) >= 10
        else f"{value:.3f}"
    )


def brief(value: float | int | NotMeasured | None) -> str:
    """`shown` for a narrow column: "not measured" without its reason, which `unmeasured` gives."""
    return "not measured" if isinstance(value, NotMeasured) else shown(value)


def unmeasured(rows: Sequence[Row]) -> list[str]:
    """Why rows have no number: a sentence for each reason, which names its rows."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if isinstance(row.value, NotMeasured):
            named.setdefault(row.value.reason, []).append(row.label)
        if isinstance(row.truth, NotMeasured) and row.truth != row.value:
            named.setdefault(row.truth.reason, []).append(f"{row.label} of the truth")
    return [
        f"Not measured: {'; '.join(labels)}. Why: {reason.rstrip('.')}."
        for reason, labels in named.items()
    ]


def _plain(value: float | int | NotMeasured | None) -> float | int | None:
    return (
        None
        if value is None or isinstance(value, NotMeasured) or not math.isfinite(value)
        else value
    )


def _finite(value: float | int | NotMeasured) -> float | int | NotMeasured:
    return (
        value
        if isinstance(value, NotMeasured) or math.isfinite(value)
        else NotMeasured("no finite number came out")
    )


def _reason(value: float | int | NotMeasured | None) -> str:
    return value.reason if isinstance(value, NotMeasured) else ""


def _either_reason(row: Row) -> str:
    return _reason(row.value) or (
        f"truth: {row.truth.reason}" if isinstance(row.truth, NotMeasured) else ""
    )


def _cell(value: float | int | NotMeasured | None) -> str:
    plain = _plain(value)
    return "" if plain is None else f"{plain:.6g}" if isinstance(plain, float) else str(plain)


def _restored(row: dict) -> Row:
    """Raises KeyError, TypeError, ValueError."""
    value, truth = row["value"], row["truth"]
    if (
        not isinstance(value, int | float | None)
        or not isinstance(truth, int | float | None)
        or row["better"] not in get_args(Better)
    ):
        raise ValueError(f"{row['key']} is not a row of numbers")
    texts = {name: str(row[name]) for name in ("group", "key", "label", "unit")}
    return Row(
        **texts,
        better=row["better"],
        value=NotMeasured(row["missing"] or "no value was written") if value is None else value,
        truth=NotMeasured(row["truth_missing"])
        if truth is None and row["truth_missing"]
        else truth,
    )
