"""The mean of what is trained over the last steps."""

import torch
from torch import nn

from instag.training.weight_average import WeightAverage


def test_parameters_become_the_mean_of_what_they_were() -> None:
    weights, average = _averaged(1.0, 2.0, 6.0)
    average.apply()
    torch.testing.assert_close(weights.detach(), torch.full((2,), 3.0))


def test_it_goes_on_from_its_state() -> None:
    _, average = _averaged(1.0, 2.0)
    weights, again = _averaged()
    again.restore(average.state())
    _add(weights, again, 6.0)
    again.apply()
    torch.testing.assert_close(weights.detach(), torch.full((2,), 3.0))


def test_nothing_counted_changes_nothing() -> None:
    weights, average = _averaged()
    assert average.state() == {}
    average.restore({})
    average.apply()
    torch.testing.assert_close(weights.detach(), torch.zeros(2))


def _averaged(*values: float) -> tuple[nn.Parameter, WeightAverage]:
    weights = nn.Parameter(torch.zeros(2))
    average = WeightAverage(lambda: [weights])
    for value in values:
        _add(weights, average, value)
    return weights, average


def _add(weights: nn.Parameter, average: WeightAverage, value: float) -> None:
    with torch.no_grad():
        weights.fill_(value)
    average.add()
