"""Action unit error: the difference of intensities between a predicted face and the true one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int

from instag.capture.tracking.fit_head import fit_head
from instag.data.openface_table import read_openface_table
from instag.errors import BadArgument, FileMissing
from instag.evaluation.landmarks import TrackedLandmarks, check_lengths
from instag.evaluation.not_measured import NotMeasured
from instag.perception.action_units import action_units
from instag.perception.face_mesh import Landmarks
from instag.perception.skin_flow import SKIN

Source = Literal["OpenFace's table", "instag's estimate from landmarks"]
OPENFACE: Source = "OpenFace's table"
OWN: Source = "instag's estimate from landmarks"

UPPER = ("AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU45")
LOWER = ("AU09", "AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26")
MIN_FRAMES = 10


@final
@dataclass(frozen=True, kw_only=True)
class AuTable:
    """Strengths of action units, 0 none to 5 strongest, by name (AU01...), one row for each of
    `frames` (numbers that rise); success: a face was seen."""

    frames: Int[np.ndarray, " n"]
    success: Bool[np.ndarray, " n"]
    units: dict[str, Float[np.ndarray, " n"]]
    source: Source

    def renumbered(self, first: int) -> "AuTable":
        """The same rows with numbers that begin at `first`: for a prediction that shows a part of
        the truth."""
        return AuTable(
            frames=self.frames - self.frames[0] + first,
            success=self.success,
            units=self.units,
            source=self.source,
        )


@final
@dataclass(frozen=True, kw_only=True)
class ActionUnitError:
    """upper, lower: sums over the units of squared errors' means. by_unit: the mean for each unit.
    source: who measured the strengths.

    frames: compared; dropped: the others from the prediction's first frame to its last, which a
    table lacks or in which no face was seen.
    """

    upper: float | NotMeasured
    lower: float | NotMeasured
    by_unit: dict[str, float]
    source: Source
    frames: int
    dropped: int

    @property
    def upper_units(self) -> tuple[str, ...]:
        """What `upper` sums over."""
        return tuple(name for name in UPPER if name in self.by_unit)

    @property
    def lower_units(self) -> tuple[str, ...]:
        """What `lower` sums over."""
        return tuple(name for name in LOWER if name in self.by_unit)


def action_unit_error(prediction: AuTable, truth: AuTable) -> ActionUnitError:
    """AUE: for each unit that both tables have, the mean over frames of (predicted - true
    strength)^2; summed over the upper and the lower face.

    upper: AU01, 02, 04, 05, 06, 07, 45; lower: AU09, 10, 12, 14, 15, 17, 20, 23, 25, 26, strengths
    from 0 to 5, as the paper's tables have it. Rows are matched by frame number. Sums over fewer
    units are smaller: compare only sums over the same units, from the same source. Raises
    BadArgument where the two tables come from different sources.
    """
    if prediction.source != truth.source:
        raise BadArgument(
            f"The prediction's action units are {prediction.source} and the truth's "
            f"{truth.source}. Measure both in one way."
        )
    shared, here, there = np.intersect1d(
        prediction.frames, truth.frames, assume_unique=True, return_indices=True
    )
    seen = prediction.success[here] & truth.success[there]
    here, there = here[seen], there[seen]
    used = len(here)
    counts = {"frames": used, "dropped": _span(prediction.frames) - used, "source": truth.source}
    if used < MIN_FRAMES:
        reason = NotMeasured(
            f"{used} frames with a face in both tables are too few ({len(shared)} frame numbers "
            "are in both)"
        )
        return ActionUnitError(upper=reason, lower=reason, by_unit={}, **counts)
    names = [name for name in (*UPPER, *LOWER) if name in prediction.units and name in truth.units]
    by_unit = {
        name: float(
            np.mean(
                (prediction.units[name][here].astype(np.float64) - truth.units[name][there]) ** 2
            )
        )
        for name in names
    }
    return ActionUnitError(
        upper=_total(by_unit, UPPER, "upper"),
        lower=_total(by_unit, LOWER, "lower"),
        by_unit=by_unit,
        **counts,
    )


def read_openface(path: Path | str) -> AuTable:
    """A CSV of OpenFace's FeatureExtraction, or one with its columns. Raises FileMissing, and
    BadArgument for a file that is no such table or that has a frame twice (several faces)."""
    path = Path(path)
    if not path.is_file():
        raise FileMissing(
            f"No such file: {path}. Make it with OpenFace: FeatureExtraction -f VIDEO -aus"
        )
    table = read_openface_table(path, error=BadArgument)
    if table.doubled is not None:
        raise BadArgument(
            f"{path} has frame {table.doubled} twice. Use a table with one face: OpenFace's "
            "FeatureExtraction, not FaceLandmarkVidMulti."
        )
    return AuTable(frames=table.frames, success=table.good, units=table.units, source=OPENFACE)


def estimate(
    prediction: TrackedLandmarks, truth: TrackedLandmarks, size: tuple[int, int]
) -> tuple[AuTable, AuTable] | NotMeasured:
    """Tables of a prediction and of the truth by instag's own estimator, perception.action_units,
    in pictures of `size` = (width, height) pixels.

    One head shape, focal length and resting face are fitted to both sequences together, as
    strengths are measured from rest: two rests would hide a brow that is always raised. Frames are
    numbered from 0. Raises BadArgument for different lengths.
    """
    check_lengths(len(prediction), len(truth))
    both = prediction.found & truth.found
    used = int(both.sum())
    if used < MIN_FRAMES:
        return NotMeasured(
            f"{used} frames with a face both in the prediction and in the truth are too few"
        )
    # The prediction runs backward, so that smoothing in time sees at the seam what it sees at the
    # end of one sequence: its reflection.
    points = np.concatenate([truth.points[both], prediction.points[both][::-1]])
    joined = Landmarks(
        points=points,
        found=np.ones(2 * used, bool),
        flow=np.full((2 * used, len(SKIN), 2), np.nan, np.float32),
    )
    units = action_units(fit_head(joined, *size), *size)

    def table(part: slice) -> AuTable:
        rows = {name: np.full(len(both), np.nan) for name in units}
        for name, strengths in units.items():
            rows[name][both] = strengths[part]
        return AuTable(frames=np.arange(len(both)), success=both, units=rows, source=OWN)

    return table(slice(None, used - 1, -1)), table(slice(used))


def _total(by_unit: dict[str, float], names: tuple[str, ...], half: str) -> float | NotMeasured:
    shared = [by_unit[name] for name in names if name in by_unit]
    return (
        float(sum(shared))
        if shared
        else NotMeasured(f"the tables share no action unit of the {half} face")
    )


def _span(frames: Int[np.ndarray, " n"]) -> int:
    """Frames from the first to the last, both counted."""
    return int(frames[-1] - frames[0]) + 1 if len(frames) else 0
