"""Every sweep of a head, rendered and measured."""

from dataclasses import dataclass
from functools import reduce
from typing import Final, final

import numpy as np
import torch
from jaxtyping import UInt8

from instag.evaluation.blinks import eye_opening
from instag.evaluation.landmarks import track_landmarks
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.sweeps.faults import Faults, RestState, faults_of
from instag.evaluation.sweeps.rendered_sweep import RenderedSweep, SweepRenderer
from instag.evaluation.sweeps.sweep import rest_of, sweeps_of
from instag.models.avatar import Avatar
from instag.perception.face_mesh import FaceMesh
from instag.runtime.progress import Report, silent
from instag.types import BLINK

SHOWN: Final = 7
"""Frames of each sweep that are kept to be looked at."""


@final
@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """Of one sweep. shown: some of its pictures, from the first to the last."""

    name: str
    faults: Faults
    shown: UInt8[np.ndarray, "k h w 3"]


@final
@dataclass(frozen=True, kw_only=True)
class SweepMeasurement:
    """Of all sweeps. rest: of the head at rest, whose holes and hair others are compared with.
    lids: opening of the eyes at the strongest blink over that without one."""

    results: list[SweepResult]
    rest: Faults
    lids: float | NotMeasured

    @property
    def worst(self) -> Faults:
        """The worst of each number over all sweeps."""
        return reduce(Faults.worse, (result.faults for result in self.results))

    def numbers(self) -> dict[str, float]:
        """By name, holes in per cent; without those that could not be measured."""
        worst = {f"sweep_{name}": value for name, value in vars(self.worst).items()}
        covered = {
            "sweep_holes": 100 * self.worst.holes,
            "sweep_holes_rest": 100 * self.rest.holes,
        }
        lids = {} if isinstance(self.lids, NotMeasured) else {"sweep_lids": self.lids}
        return worst | covered | lids


def measure_sweeps(
    avatar: Avatar, *, seed: int = 0, device: torch.device | str = "cpu", report: Report = silent
) -> SweepMeasurement:
    """Render every sweep of an avatar and measure it. seed: of the random mixtures."""
    renderer, sweeps = SweepRenderer(avatar, device), sweeps_of(avatar, seed)
    still = renderer.rest(rest_of(avatar))
    rest = RestState(still.splats, renderer.opacities)
    results: list[SweepResult] = []
    lids: float | NotMeasured = NotMeasured(f"the head has no unit {BLINK}")
    for done, sweep in enumerate(sweeps, start=1):
        rendered = renderer.render(sweep)
        kept = np.linspace(0, len(sweep) - 1, SHOWN).round().astype(int)
        results.append(
            SweepResult(
                name=sweep.name, faults=faults_of(rendered, rest), shown=rendered.pictures[kept]
            )
        )
        if sweep.name == BLINK:
            lids = closed_lids(rendered)
        report(done, len(sweeps))
    return SweepMeasurement(results=results, rest=faults_of(still, rest), lids=lids)


def closed_lids(rendered: RenderedSweep) -> float | NotMeasured:
    """Opening of the eyes in the last frame over that in the first."""
    mesh = FaceMesh()
    ends = [mesh.find(rendered.pictures[place]) for place in (0, -1)]
    openings = [
        np.nan if points is None else eye_opening(track_landmarks([points]))[0] for points in ends
    ]
    if not np.isfinite(openings).all():
        return NotMeasured("no face is found in the rendered frames")
    return float(openings[1] / openings[0])
