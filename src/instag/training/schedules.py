"""Time as data: when a term of the loss is on, how a rate falls, and how a whole schedule is
shortened."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, TypeVar, get_type_hints

Rate = Callable[[int], float]
"""A learning rate by step."""


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """Marks a field that counts steps. at_least: what a shortened schedule keeps of them. whole: a
    shortened schedule keeps them all."""

    at_least: int = 1
    whole: bool = False


Steps = Annotated[int, Scaled()]
"""A number of steps, shortened with its schedule."""
WholeSteps = Annotated[int | None, Scaled(whole=True)]
"""A number of steps that a shorter schedule needs just as many of."""


class Active(ABC):
    """When something is on."""

    @abstractmethod
    def __call__(self, step: int) -> bool:
        """Whether it is on at a step."""


@dataclass(frozen=True)
class Always(Active):
    """On from the first step to the last."""

    def __call__(self, step: int) -> bool:
        return True


@dataclass(frozen=True)
class After(Active):
    """On once `start` steps are done."""

    start: Steps

    def __call__(self, step: int) -> bool:
        return step >= self.start


@dataclass(frozen=True)
class Between(Active):
    """On once `start` steps are done, until `end` are."""

    start: Steps
    end: Steps

    def __call__(self, step: int) -> bool:
        return self.start <= step < self.end


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term of a loss: its weight and when it counts."""

    weight: float
    active: Active = Always()

    def __call__(self, step: int) -> float:
        """The weight at a step, 0 while the term is off."""
        return self.weight if self.active(step) else 0.0


NEVER = Term(weight=0.0)


def constant(rate: float) -> Rate:
    return lambda step: rate


def decay(
    rate: float, factor: float, steps: int, *, warmup_steps: int = 0, warmup_factor: float = 0.1
) -> Rate:
    """`rate` x factor^(step / steps); x `warmup_factor` in the first `warmup_steps`
    (docs/method.md#adaptation)."""
    return lambda step: (
        rate * factor ** (step / steps) * (warmup_factor if step < warmup_steps else 1.0)
    )


def early_then_late(rate: float, late: int, steps: int) -> Rate:
    """`rate` x 0.5^(step / late) until `late`, then x 0.1^(step / steps) (pre-training,
    docs/method.md#pre-training)."""
    return lambda step: (
        rate * (0.5 ** (step / max(1, late)) if step < late else 0.1 ** (step / steps))
    )


def slowed(rate: Rate, after: int | None, share: float = 0.05) -> Rate:
    """A rate that goes on at a small share of itself once `after` steps are done; None leaves it as
    it is."""
    return rate if after is None else lambda step: rate(step) * (1.0 if step < after else share)


def log_ramp(start: float, end: float, steps: int) -> Rate:
    """From start to end along a straight line in the logarithm, then constant (the centres' rate in
    3DGS)."""
    return lambda step: math.exp(
        math.log(start) + (math.log(end) - math.log(start)) * min(step / steps, 1.0)
    )


T = TypeVar("T")


def shortened(config: T, share: float) -> T:
    """The same schedule in a share of its steps: every field that counts steps shrinks, at any
    depth, but to no less than it needs; weights and rates stay. A share above 1 makes it longer."""
    return _rescaled(
        config,
        lambda steps, mark: steps if mark.whole else max(mark.at_least, round(steps * share)),
    )


def in_larger_steps(config: T, frames: int) -> T:
    """The same schedule counted in steps of several frames: every field that counts steps is
    divided, at any depth."""
    return _rescaled(config, lambda steps, mark: max(1, round(steps / frames)))


def _rescaled(config: T, rescale: Callable[[int, Scaled], int]) -> T:
    """`rescale` takes a number of steps and the mark of its field."""
    if not is_dataclass(config) or isinstance(config, type):
        return config
    hints = get_type_hints(type(config), include_extras=True)
    changes = {}
    for entry in fields(config):
        value = getattr(config, entry.name)
        marks = [
            mark
            for mark in getattr(hints[entry.name], "__metadata__", ())
            if isinstance(mark, Scaled)
        ]
        changes[entry.name] = (
            rescale(value, marks[0]) if marks and value else _rescaled(value, rescale)
        )
    return replace(config, **changes)
