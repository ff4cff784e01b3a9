"""The subject of a training: the head that learns and the frames, in memory of one device, that it
learns from."""

from dataclasses import dataclass

import torch
from torch import Tensor

from instag.data.clip_dataset import ClipDataset
from instag.models.head import Head, load_head
from instag.models.pose_corrections import PoseCorrections
from instag.models.prior import Prior
from instag.motion.expression_displacement import ExpressionDisplacement
from instag.ops.lpips import Lpips
from instag.rendering.renderer import Renderer
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import SpeakerAdapter
from instag.training.rng import Chance, chance


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the stages of one head share. train: the frames to learn from. extent: of the scene,
    metres. lpips: None where its weights are not there.

    codes, voice: where the head hears motion codes: the seen ones, and how the voice asks for them.
    prior: what both its fields began with, on the device. expressions: where the person's skin goes
    in expressions that were not seen, if the head is to learn them.
    """

    head: Head
    poses: PoseCorrections
    store: ClipDataset
    train: range
    renderer: Renderer
    extent: float
    lpips: Lpips | None
    seed: int
    codes: LipCodes | None = None
    voice: SpeakerAdapter | None = None
    prior: Prior | None = None
    expressions: ExpressionDisplacement | None = None

    @property
    def device(self) -> torch.device:
        return self.store.device

    @property
    def frames(self) -> Tensor:
        """The numbers of the frames to learn from, on the device."""
        return torch.arange(self.train.start, self.train.stop, device=self.device)

    def chance(self, *what: str | int) -> Chance:
        """The random numbers of a stage's step."""
        return chance(self.seed, *what, device=self.device)

    def state(self) -> dict[str, Tensor]:
        """The whole head and the poses: later stages stand on earlier ones."""
        return {f"head.{name}": value for name, value in self.head.state_dict().items()} | {
            "poses": self.poses.changes.detach()
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`, from any device; the number of Gaussians may differ."""
        state = {name: value.to(self.device) for name, value in state.items()}
        load_head(
            self.head,
            {
                name.removeprefix("head."): value
                for name, value in state.items()
                if name.startswith("head.")
            },
        )
        self.poses.load_state_dict({"changes": state["poses"]})
