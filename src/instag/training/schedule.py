"""Time as data: when a term of the loss is on, and how a rate falls."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

Rate = Callable[[int], float]
"""A learning rate by step."""


class Active(ABC):
    """When something is on."""

    @abstractmethod
    def __call__(self, step: int) -> bool: ...


@dataclass(frozen=True)
class Always(Active):
    def __call__(self, step: int) -> bool:
        return True


@dataclass(frozen=True)
class After(Active):
    """On once `start` steps are done."""

    start: int

    def __call__(self, step: int) -> bool:
        return step >= self.start


@dataclass(frozen=True)
class Between(Active):
    """On from `start` and before `end`."""

    start: int
    end: int

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


def constant(rate: float) -> Rate:
    return lambda step: rate


def decay(rate: float, factor: float, steps: int, *, gentle_steps: int = 0, gentle: float = 0.1) -> Rate:
    """rate x factor^(step / steps); x `gentle` in the first `gentle_steps` (METHOD 7)."""
    return lambda step: rate * factor ** (step / steps) * (gentle if step < gentle_steps else 1.0)


def log_ramp(start: float, end: float, steps: int) -> Rate:
    """From start to end along a straight line in the logarithm, then constant (the centres' rate in 3DGS)."""
    return lambda step: math.exp(math.log(start) + (math.log(end) - math.log(start)) * min(step / steps, 1.0))
