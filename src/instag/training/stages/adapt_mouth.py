"""The mouth stage: what shows between the lips, everything else covered; the face around it
drives it through the hook."""

from collections.abc import Hashable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from instag.data.curriculum import mouth_curriculum
from instag.data.frame_batch import FrameBatch
from instag.models.gaussians import Gaussians
from instag.models.mouth_field import hook_values
from instag.models.render_head import mouth_drawing
from instag.training import losses
from instag.training.density_control import DensityConfig
from instag.training.losses import BackgroundColor
from instag.training.optimizer import Group
from instag.training.people import Person
from instag.training.schedules import Rate, Steps, Term, WholeSteps
from instag.training.stages.adapt_stage import HeadTraining
from instag.training.stages.hook import read_hooks
from instag.training.stages.layer_stage import LayerStage
from instag.training.stages.stage import ParameterGroups
from instag.training.stages.step import Comparison, StepInputs, StepScene
from instag.training.stages.targets import mouth_pictures
from instag.training.supervision.pseudo_labels import STRONGEST
from instag.types import Region, Rendering

WIDE_OPEN = 0.75
"""Quantile of AU25 from which a mouth counts as wide open."""
PAIRS, NEAR = 128, 3e-3
"""Pairs of neighbours whose strain a step measures, and the deviation of their distance along each
axis, metres."""
STRAIN_FRAMES = 8
"""Frames in which it does: the speech of one that was seen, with the hook of another times any
factor up to STRONGEST."""


@dataclass(frozen=True, kw_only=True)
class MouthStageConfig:
    """Numbers of docs/method.md#adaptation; steps are those of this stage. wide_steps: steps at the
    start that take wide open mouths alone. frozen_last: steps at the end in which the geometry
    rests and the background is black.

    gaussian_rate, field_rate, slow_field_after: as of the face. neighbor_strain: of how much
    neighbours are drawn apart. around: of how far what lies around the opening, which no frame
    shows, is from the dark colour in it.
    """

    steps: Steps
    batch: int
    degree: int
    degree_every: Steps
    wide_steps: Steps
    gaussian_rate: float
    field_rate: float
    slow_field_after: WholeSteps
    field_rate_decay: float
    warmup_steps: Steps
    aligner_after: Steps
    curriculum_every: int
    alpha: Term
    offset: Term
    neighbor_strain: Term
    around: Term
    frozen_last: Steps
    background: BackgroundColor
    density: DensityConfig


class MouthStage(LayerStage):
    """Trains the mouth's Gaussians, its field and its aligner; the face rests."""

    name = "mouth"

    def __init__(self, training: HeadTraining, config: MouthStageConfig) -> None:
        super().__init__(training, config)
        self.config = config
        dataset, frames = self.person.dataset, self.person.pictured
        curriculum = mouth_curriculum(
            dataset,
            frames,
            wide_open=WIDE_OPEN,
            every=config.curriculum_every,
            wide_steps=config.wide_steps,
            steps=config.steps,
            batch=config.batch,
        )
        self.load(dataset.lips_windows(frames), curriculum.sample)
        face = self.head.face
        with torch.no_grad():
            self.hooks = read_hooks(face.field, face.point_features().features, self.person)

    def gaussians(self, person: Person) -> Gaussians:
        return person.mouth

    def parameter_groups(self) -> ParameterGroups:
        mouth = self.head.mouth
        aligner = Group(
            name="aligner",
            parameters=dict(mouth.aligner.named_parameters()),
            rate=self.falling(1e-4 / 2),
        )
        groups = [*self._resting_at_the_end(), *self.field_groups(mouth.field), aligner]
        return ParameterGroups(own={self.person.number: groups}, shared=[])

    def phase(self, step: int) -> Hashable:
        config = self.config
        terms = (config.alpha, config.around, config.offset, config.neighbor_strain)
        return (
            tuple(term(step) for term in terms),
            self.degree(step),
            self._frozen(step),
            self.aligned(step),
        )

    def deform(self, step: int, inputs: StepInputs) -> StepScene:
        mouth, frames = self.head.mouth, inputs.frames
        drawing = mouth_drawing(
            mouth,
            mouth.encode(aligned=self.aligned(step)),
            frames.condition,
            self.hooks.moves(inputs.rows, inputs.noise.plain),
            frames.camera,
            degree=self.degree(step),
        )
        terms = self._motion_losses(step, inputs.noise.strain)
        return StepScene(frames=frames, drawings=[drawing], losses=terms)

    def compare(
        self, step: int, inputs: StepInputs, scene: StepScene, renderings: list[Rendering]
    ) -> Comparison:
        (rendering,), frames, config = renderings, scene.frames, self.config
        kind = "black" if self._frozen(step) else config.background
        color = losses.background_color(kind, self.batch, inputs.noise.plain)
        picture, target = mouth_pictures(frames, rendering, color.expand(rendering.colors.shape))
        terms = {"photometric": losses.photometric(picture, target)}
        if config.alpha(step):
            terms["alpha"] = config.alpha(step) * losses.alpha_error(
                rendering.alphas, frames.lips.float()
            )
        if config.around(step):
            terms["around"] = config.around(step) * color_around(frames, rendering)
        return Comparison(picture=picture, losses=terms)

    def _motion_losses(self, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        config, aligned, terms = self.config, self.aligned(step), {}
        if config.offset(step) and aligned:
            offset = self.head.mouth.aligner(self.person.mouth.means.detach()).offset
            terms["offset"] = config.offset(step) * offset.abs().mean()
        if config.neighbor_strain(step):
            terms["neighbor_strain"] = config.neighbor_strain(step) * self._neighbor_strain(
                noise, aligned=aligned
            )
        return terms

    def _neighbor_strain(self, noise: torch.Generator, *, aligned: bool) -> Float[Tensor, ""]:
        """How much neighbours are drawn apart, of their distance, in motion that is made up: teeth
        are stiff, and what the seen frames do not forbid tears."""
        mouth, person, device = self.head.mouth, self.person, self.person.device

        def draw(most: int, count: int) -> Int[Tensor, " count"]:
            return torch.randint(most, (count,), generator=noise, device=device)

        centers = person.mouth.means.detach()[draw(len(person.mouth), PAIRS)]
        aside = torch.randn(centers.shape, generator=noise, device=device) * NEAR
        encoding = mouth.encode_at(torch.cat([centers, centers + aside]), aligned=aligned)
        frames = person.train.start + draw(len(person.train), STRAIN_FRAMES)
        codes = mouth.field.speech(person.dataset.condition(frames).speech)
        strength = torch.rand(STRAIN_FRAMES, 1, generator=noise, device=device) * STRONGEST
        hooks = self.hooks.strongest(draw(len(person.pictured), STRAIN_FRAMES))
        hook = hook_values(*(hooks * strength).unbind(1))
        one, other = mouth.field.shift(encoding, codes, hook).chunk(2, dim=1)
        return ((one - other).norm(dim=-1) / aside.norm(dim=-1).clamp_min(NEAR / 6)).mean()

    def _resting_at_the_end(self) -> list[Group]:
        """The Gaussians, whose geometry rests in the last steps."""
        geometry = {"means", "opacity", "scale", "rotation"}
        return [
            replace(group, rate=self._until_frozen(group.rate)) if group.name in geometry else group
            for group in self.gaussian_groups()
        ]

    def _until_frozen(self, rate: Rate) -> Rate:
        return lambda step: 0.0 if self._frozen(step) else rate(step)

    def _frozen(self, step: int) -> bool:
        return step >= self.steps - self.config.frozen_last


def color_around(frames: FrameBatch, rendering: Rendering) -> Float[Tensor, ""]:
    """How far what is rendered around the opening, inside the lips box, is from the dark colour
    seen in it: a mouth that opens wider than it was seen to shows its cavity, not more teeth."""
    inside = frames.is_region(Region.MOUTH, Region.TEETH)
    seen = frames.image.float() / 255
    light = seen.mean(-1)
    dark = inside & (light <= _mean_within(light[..., None], inside)[:, None])
    color = _mean_within(seen, dark)[:, None, None]
    wrong = (rendering.colors - rendering.alphas[..., None] * color).abs().mean(-1)
    return losses.within(wrong, frames.lips & ~inside)


def _mean_within(
    values: Float[Tensor, "b h w c"], mask: Bool[Tensor, "b h w"]
) -> Float[Tensor, "b c"]:
    """Of each frame, the mean over the pixels of its mask."""
    return (values * mask[..., None]).sum((1, 2)) / mask.sum((1, 2))[:, None].clamp_min(1)
