"""LayerStage: what the stages of face and mouth, the two layers of a head, have in common: each
trains its layer's Gaussians, field and aligner."""

from abc import ABC
from typing import Protocol, runtime_checkable

from instag.models.face_field import MotionField
from instag.models.mouth_field import MouthField
from instag.training.density_control import DensityConfig
from instag.training.optimizer import Group
from instag.training.schedules import Rate, decay
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.stages.stage import field_groups, gaussian_groups


@runtime_checkable
class LayerStageConfig(Protocol):
    """What a recipe gives of each layer; see FaceStageConfig."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def degree(self) -> int: ...
    @property
    def degree_every(self) -> int: ...
    @property
    def gaussian_rate(self) -> float: ...
    @property
    def field_rate(self) -> float: ...
    @property
    def slow_field_after(self) -> int | None: ...
    @property
    def field_rate_decay(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def aligner_after(self) -> int: ...
    @property
    def density(self) -> DensityConfig: ...


class LayerStage(AdaptStage, ABC):
    """A stage that trains one layer of a head. layer: its numbers."""

    def __init__(self, training: HeadTraining, layer: LayerStageConfig) -> None:
        super().__init__(training, steps=layer.steps, batch=layer.batch, density=layer.density)
        self.layer = layer

    def degree(self, step: int) -> int:
        """Of the spherical harmonics, which rises with the steps."""
        return min(self.layer.degree, step // self.layer.degree_every)

    def aligned(self, step: int) -> bool:
        """Whether the aligner takes part."""
        return step >= self.layer.aligner_after

    def gaussian_groups(self) -> list[Group]:
        """The layer's Gaussians."""
        gaussians = self.gaussians(self.person)
        factor = self.layer.gaussian_rate
        return gaussian_groups(gaussians, self.person.extent, self.steps, factor=factor)

    def field_groups(self, field: MotionField | MouthField) -> list[Group]:
        """The parameters of the layer's field."""
        layer = self.layer
        return field_groups(
            field, self.warmed_up, factor=layer.field_rate, slow_after=layer.slow_field_after
        )

    def falling(self, rate: float, *, warmup_steps: int = 0) -> Rate:
        """A rate of the layer's networks."""
        return decay(rate, self.layer.field_rate_decay, self.steps, warmup_steps=warmup_steps)

    def warmed_up(self, rate: float) -> Rate:
        """The same with the layer's warm-up."""
        return self.falling(rate, warmup_steps=self.layer.warmup_steps)
