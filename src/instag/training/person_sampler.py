"""Rounds: whose frames a step of pre-training takes, so that in each round everyone is seen
once."""

from dataclasses import dataclass
from typing import final

import torch

from instag.training.rng import chance


@final
@dataclass(frozen=True, kw_only=True)
class Rounds:
    """People in `together` groups as even as can be; a step takes one of each group, a round all of
    them, in an order drawn anew.

    Groups do not change, so that a process can keep those of its own.
    """

    people: int
    together: int
    seed: int

    @property
    def steps(self) -> int:
        """Steps of a round."""
        return -(-self.people // self.together)

    def turn(self, step: int) -> int:
        """How often each person was seen before the round of this step."""
        return step // self.steps

    def seen(self, step: int, stage: str) -> list[int]:
        """The people of a step, by their numbers; fewer than `together` where groups are uneven."""
        turn, place = divmod(step, self.steps)
        found = []
        for group in range(self.together):
            members = [*range(group, self.people, self.together)]
            order = torch.randperm(
                self.steps, generator=chance(self.seed, stage, "round", turn, group).choice
            ).tolist()
            if order[place] < len(members):
                found.append(members[order[place]])
        return found

    def rank_of(self, person: int, world: int) -> int:
        """The process that keeps a person."""
        return person % self.together % world
