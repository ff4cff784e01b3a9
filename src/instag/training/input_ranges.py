"""What fields of several people take for usual input: the level of all people's features and the
range of their expressions, the same in all processes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.conditioning_encoders import LipCodeEncoder
from instag.training.distributed import ProcessGroup
from instag.training.expression_inputs import seen_and_taught
from instag.training.people import Person


def speech_level(people: Sequence[Person], group: ProcessGroup) -> Float[Tensor, " 2"]:
    """Mean and deviation of all people's speech features."""
    mine = []
    for person in people:
        features = person.dataset.features[person.train.start : person.train.stop].double()
        sums = [features.numel(), float(features.sum()), float(features.square().sum())]
        mine.append((person.number, sums))
    every = sorted(part for of_rank in group.gather(mine) for part in of_rank)
    count, total, squares = torch.tensor([sums for _, sums in every], dtype=torch.float64).sum(0)
    mean = total / count
    return torch.stack([mean, (squares / count - mean.square()).clamp_min(1e-6).sqrt()]).float()


def code_level(people: Sequence[Person], group: ProcessGroup) -> Float[Tensor, "2 k"]:
    """The level of all people's lip codes."""
    mine = [
        (person.number, person.dataset.features[person.train.start : person.train.stop].cpu())
        for person in people
    ]
    every = sorted(
        (part for of_rank in group.gather(mine) for part in of_rank), key=lambda part: part[0]
    )
    return LipCodeEncoder.level_of(torch.cat([codes for _, codes in every]))


def expression_range(people: Sequence[Person], group: ProcessGroup) -> Float[Tensor, "2 6"]:
    """Least and greatest of each action unit that fields learn from, of all people."""
    seen = [
        seen_and_taught(
            person.dataset.expression[person.train.start : person.train.stop], person.expressions
        ).cpu()
        for person in people
    ]
    mine = [torch.stack([each.amin(0), each.amax(0)]) for each in seen]
    every = torch.stack([both for of_rank in group.gather(mine) for both in of_rank])
    return torch.stack([every[:, 0].amin(0), every[:, 1].amax(0)])
