"""The one loop that both stages of pre-training run in."""

import torch
from torch import Tensor

from instag.runtime.device import denormals_flushed
from instag.runtime.progress import Report
from instag.training.density_control import Pull, no_pull, observe
from instag.training.multi_person import part_of
from instag.training.optimizer import Optimiser, only_learning
from instag.training.people import Person
from instag.training.pretraining.average import take_in
from instag.training.pretraining.log import Log
from instag.training.pretraining.work import Shown, Work
from instag.training.run_dir import part_named
from instag.training.tending import tend

MOST_COUNTED = 16
"""Rates of the universal field grow with the frames of a step (see Optimiser) up to so many:
several people's frames agree more than they add noise."""


@denormals_flushed()
def run(work: Work, log: Log, report: Report) -> None:
    """Train a stage to its end, or go on from the log's checkpoint of it; all processes together.
    Ctrl-C leaves a checkpoint behind where there is one process. Raises TrainingFailed."""
    crew, rounds, ranks = work.crew, work.crew.rounds, work.crew.ranks
    steps = work.turns * rounds.steps
    course = _Course(work)
    done = course.resumed(log)
    try:
        for step in range(done, steps):
            turn, seen = rounds.turn(step), rounds.seen(step, work.name)
            here = crew.here(seen)
            terms, shown = work.lose(turn, here) if here else ({}, None)
            share = len(here) / len(seen)
            if here:
                (torch.stack(list(terms.values())).sum() * share).backward()
            course.learn(step, turn)
            if shown is not None:
                course.tend(turn, here, shown, len(seen))
            ranks.hand_out(
                [
                    (rounds.rank_of(person, ranks.world), work.own_field(person).parameters())
                    for person in seen
                ]
            )
            done = step + 1
            log.note(
                work.name,
                step,
                steps,
                terms,
                share,
                sum(len(work.gaussians(person)) for person in crew.people),
            )
            report(done, steps)
            if log.due(done, steps):
                log.checkpoint(work.name, done, course.state())
    except KeyboardInterrupt:
        if ranks.world == 1:
            log.checkpoint(work.name, done, course.state())
        raise


class _Course:
    """What changes while a stage runs: optimisers, and what density control has seen."""

    def __init__(self, work: Work) -> None:
        self.work, self.crew = work, work.crew
        groups, own = (
            work.universal_groups(),
            {person.number: work.own_groups(person) for person in self.crew.people},
        )
        only_learning(
            self.crew.parameters(),
            [*groups, *(group for of_person in own.values() for group in of_person)],
        )
        self.shared = [parameter for group in groups for parameter in group.parameters.values()]
        self.universal = Optimiser(
            groups, min(work.batch * self.crew.rounds.together, MOST_COUNTED)
        )
        self.own = {number: Optimiser(of_person, work.batch) for number, of_person in own.items()}
        self.pulls = {person.number: no_pull(work.gaussians(person)) for person in self.crew.people}

    def learn(self, step: int, turn: int) -> None:
        """One update of what all share, from the gradients of all people; the average takes it
        in."""
        self.crew.ranks.sum_gradients(self.shared)
        self.universal.step(turn)
        field, average = self.work.universal()
        take_in(average, field, step + 1)

    def tend(self, turn: int, here: list[Person], shown: Shown, everyone: int) -> None:
        """One update of each person's own, and density control. everyone: people of this step in
        all processes."""
        work, density, first = self.work, self.work.density, 0
        for person, part in zip(here, shown.parts, strict=True):
            gaussians, optimiser = work.gaussians(person), self.own[person.number]
            frames = slice(first, first + work.batch)
            first = frames.stop
            if turn < density.end:
                seen = part_of(shown.rendering, frames, len(gaussians), everyone)
                self.pulls[person.number] = observe(
                    self.pulls[person.number], seen, part.camera, person.store.size
                )
            optimiser.step(turn)
            self.pulls[person.number] = tend(
                gaussians,
                self.pulls[person.number],
                density,
                optimiser,
                done=turn + 1,
                steps=work.turns,
                extent=person.extent,
                draw=lambda person=person: (
                    self.crew.chance(work.name, person.number, turn, "density").choice
                ),
                whose=f"the {work.name} of {person.store.clip.folder}",
            )

    def state(self) -> dict[str, Tensor]:
        """All of it and of the crew, flat."""
        own = {
            f"{number}.{name}": value
            for number, optimiser in self.own.items()
            for name, value in optimiser.state().items()
        }
        pulls = {
            f"{number}.{name}": value
            for number, pull in self.pulls.items()
            for name, value in vars(pull).items()
        }
        parts = {
            "shared": self.crew.shared_state(),
            "own": self.crew.own_state(),
            "adam": self.universal.state(),
            "own_adam": own,
            "pull": pulls,
        }
        return {
            f"{part}/{name}": value
            for part, table in parts.items()
            for name, value in table.items()
        }

    def resumed(self, log: Log) -> int:
        """Go on from the log's checkpoint, whose values the crew has already; returns the steps
        done, 0 where it is of another stage."""
        if log.stage != self.work.name:
            return 0
        state = log.read()
        self.universal.restore(part_named(state, "adam/"))
        for number, optimiser in self.own.items():
            optimiser.restore(part_named(state, f"own_adam/{number}."))
            pull = part_named(state, f"pull/{number}.")
            self.pulls[number] = Pull(
                **{name: value.to(self.crew.people[0].store.device) for name, value in pull.items()}
            )
        return log.step
