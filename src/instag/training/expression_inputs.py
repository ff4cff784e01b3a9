"""ExpressionInputs: what is known of a person's expressions beyond those that the clip shows."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.clip_dataset import ClipDataset
from instag.data.clip_tables import ClipTables
from instag.motion.expression_basis import BLINK_ROW, load_expression_basis
from instag.motion.expression_displacement import ExpressionDisplacement, expression_displacement
from instag.motion.landmark_motion import LandmarkMotion
from instag.perception.action_units import are_measured
from instag.training.supervision.closed_lids import LidCloser
from instag.types import BLINK_LIMIT


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionInputs:
    """flow: where skin goes in expressions that the person does not show. lids: closes the eyes in
    pictures."""

    flow: ExpressionDisplacement
    lids: LidCloser

    @property
    def strongest(self) -> Float[Tensor, " 6"]:
        """Intensity of each unit up to which it is taught; 0 where the clip shows enough of it."""
        strongest = self.flow.strongest.clone()
        strongest[BLINK_ROW] = BLINK_LIMIT
        return strongest


def expression_inputs(
    tables: ClipTables, dataset: ClipDataset, train: range, landmarks: LandmarkMotion
) -> ExpressionInputs | None:
    """None where the clip's units are not those of its landmarks. train: the frames to learn from.
    Everything lies on the data set's device."""
    track, info, device = tables.track, dataset.clip.info, dataset.device
    if not are_measured(tables.action_units, track, info.width, info.height):
        return None
    points = landmarks.points.to(device)
    basis = load_expression_basis().fitted(landmarks.points.cpu()).to(device)
    seen = dataset.expression[train.start : train.stop]
    pixels = torch.from_numpy(np.ascontiguousarray(track.landmarks[..., :2])).float()
    return ExpressionInputs(
        flow=expression_displacement(basis, points, seen),
        lids=LidCloser(pixels.to(device) * dataset.scale, size=dataset.size),
    )


def seen_and_taught(
    seen: Float[Tensor, "f 6"], inputs: ExpressionInputs | None
) -> Float[Tensor, "g 6"]:
    """The expressions that a field learns from: those that are seen, and the ends of those that are
    taught besides."""
    if inputs is None:
        return seen
    return torch.cat([seen, torch.zeros_like(seen[:1]), inputs.strongest[None]])
