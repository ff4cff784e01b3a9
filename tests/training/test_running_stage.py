"""What people share learns from the mean of their gradients."""

import torch
from torch import nn

from instag.training.optimizer import Group, Optimizer
from instag.training.running_stage import SharedGradients
from instag.training.schedules import constant


def test_gradients_of_people_are_added_up_by_their_shares() -> None:
    field, seldom, never = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    parameters = {"field": field, "seldom": seldom, "never": never}
    shared = SharedGradients(
        Optimizer([Group(name="shared", parameters=parameters, rate=constant(1.0))])
    )
    field.grad = torch.tensor([1.0, 2.0])
    shared.take(0.5)
    assert field.grad is None
    field.grad, seldom.grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0, 4.0])
    shared.take(0.5)
    shared.give()
    assert field.grad.tolist() == [2.0, 1.0]
    assert seldom.grad.tolist() == [2.0, 2.0]
    assert never.grad is None
