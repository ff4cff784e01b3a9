"""PersonSampler: whose frames a step of training takes, so that in each round everyone comes
once."""

from dataclasses import dataclass
from typing import final

import torch

from instag.training.rng import rng_for


@final
@dataclass(frozen=True, kw_only=True)
class PersonSampler:
    """People in `together` groups as even as can be; a step takes one of each group, a round all of
    them, in an order drawn anew. One person alone is in every step.

    Groups do not change, so that a process can keep those of its own.
    """

    people: int
    together: int
    seed: int

    @property
    def round_steps(self) -> int:
        """Steps of a round."""
        return -(-self.people // self.together)

    def person_step(self, step: int) -> int:
        """How many steps each person had before the round of this step."""
        return step // self.round_steps

    def sample(self, step: int, stage: str) -> list[int]:
        """The people of a step, by their numbers; fewer than `together` where groups are uneven."""
        turn, place = divmod(step, self.round_steps)
        found = []
        for group in range(self.together):
            members = [*range(group, self.people, self.together)]
            member = self._order(stage, turn, group)[place] if self.round_steps > 1 else 0
            if member < len(members):
                found.append(members[member])
        return found

    def rank_of(self, person: int, world: int) -> int:
        """The process that keeps a person."""
        return person % self.together % world

    def _order(self, stage: str, turn: int, group: int) -> list[int]:
        generator = rng_for(self.seed, stage, "round", turn, group).choice
        return torch.randperm(self.round_steps, generator=generator).tolist()
