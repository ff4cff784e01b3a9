"""People: those whom a training learns from, with what it trains of them.

An adaptation has one person, a pre-training several, of whom this process may keep a part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from instag.data.clip_dataset import ClipDataset
from instag.models.gaussians import Gaussians
from instag.motion.landmark_motion import LandmarkMotion
from instag.rendering.renderer import Renderer
from instag.runtime.untrusted import check_shape
from instag.training.distributed import ProcessGroup
from instag.training.expression_inputs import ExpressionInputs
from instag.training.person_sampler import PersonSampler


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of the people. number: among all people. train: the frames to learn from. pictured:
    those of them whose pictures are compared. landmarks: on the device. expressions: see
    ExpressionInputs; None where none are taught besides those seen. extent: of the scene, metres.
    table_bytes: of frames on the device; None for what suits it."""

    number: int = 0
    face: Gaussians
    mouth: Gaussians
    dataset: ClipDataset
    train: range
    pictured: Sequence[int]
    landmarks: LandmarkMotion
    extent: float
    expressions: ExpressionInputs | None = None
    table_bytes: int | None = None

    @property
    def device(self) -> torch.device:
        return self.dataset.device

    @property
    def frames(self) -> Tensor:
        """The numbers of the frames to learn from, on the device."""
        return torch.arange(self.train.start, self.train.stop, device=self.device)


@final
class People:
    """The people that this process keeps, and the modules that are trained with their Gaussians.

    seed: of all random choices.
    """

    def __init__(
        self,
        *,
        here: list[Person],
        modules: dict[str, nn.Module],
        sampler: PersonSampler,
        group: ProcessGroup,
        renderer: Renderer,
        seed: int,
    ) -> None:
        self.here, self.modules, self.sampler, self.group, self.renderer, self.seed = (
            here,
            modules,
            sampler,
            group,
            renderer,
            seed,
        )

    @property
    def device(self) -> torch.device:
        return self.here[0].device

    def numbered(self, numbers: list[int]) -> list[Person]:
        """Those of some people that this process keeps."""
        return [person for number in numbers for person in self.here if person.number == number]

    def parameters(self) -> list[nn.Parameter]:
        """Those of the modules, and of the Gaussians of this process' people."""
        trained = [*self.modules.values(), *self._gaussians().values()]
        return [parameter for module in trained for parameter in module.parameters()]

    def state(self) -> dict[str, Tensor]:
        """All that is trained, flat."""
        return {
            f"{part}.{name}": value
            for part, module in (self.modules | self._gaussians()).items()
            for name, value in module.state_dict().items()
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`, from any device; numbers of Gaussians may differ."""
        for part, gaussians in self._gaussians().items():
            count = len(state[f"{part}.means"])
            for name, old in list(gaussians.named_parameters()):
                value = state[f"{part}.{name}"]
                check_shape(f"{part}.{name}", value.shape, (count, *old.shape[1:]))
                setattr(gaussians, name, nn.Parameter(value.to(old)))
        for part, module in self.modules.items():
            start = f"{part}."
            module.load_state_dict(
                {
                    name.removeprefix(start): value
                    for name, value in state.items()
                    if name.startswith(start)
                }
            )

    def _gaussians(self) -> dict[str, nn.Module]:
        return {
            f"{person.number}.{part}": gaussians
            for person in self.here
            for part, gaussians in (("face", person.face), ("mouth", person.mouth))
        }
