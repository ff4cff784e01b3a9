"""The optimizer: rates by step, rows that come and go, a state that can be put back."""

import pytest
import torch

from instag.models.gaussians import Selection, random_gaussians
from instag.training.optimizer import Group, Optimizer
from instag.training.stages.stage import gaussian_groups


def trained(steps: int = 3):
    gaussians = random_gaussians(10, 1, torch.Generator().manual_seed(0))
    optimizer = Optimizer(gaussian_groups(gaussians, 0.1, 100))
    for step in range(steps):
        torch.stack(
            [parameter.square().sum() for parameter in gaussians.parameters()]
        ).sum().backward()
        optimizer.step(step)
    return gaussians, optimizer


def test_rate_zero_leaves_a_group_alone():
    moving, resting = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    groups = [
        Group(name="moving", parameters={"a": moving}, rate=lambda step: 0.1),
        Group(name="resting", parameters={"b": resting}, rate=lambda step: 0.0),
    ]
    optimizer = Optimizer(groups)
    (moving.sum() + resting.sum()).backward()
    optimizer.step(0)
    assert (moving < 1).all()
    assert (resting == 1).all()
    assert moving.grad is None


def test_selection_keeps_memory_of_rows_that_stay():
    gaussians, optimizer = trained()
    keep = torch.arange(10) % 2 == 0
    added = {name: table[:3] for name, table in gaussians.tables().items()}
    before = optimizer.moments[gaussians.means].exp_avg.clone()
    optimizer.select(gaussians, Selection(keep=keep, added=added))
    after = optimizer.moments[gaussians.means].exp_avg
    assert len(gaussians) == 8
    torch.testing.assert_close(after[:5], before[keep])
    assert not after[5:].any()
    gaussians.means.sum().backward()
    optimizer.step(4)


def test_as_many_rows_stay_in_their_place():
    gaussians, optimizer = trained()
    means, keep = gaussians.means, torch.arange(10) > 1
    rows = means.detach()[keep].clone()
    added = {name: table[:2].clone() for name, table in gaussians.tables().items()}
    optimizer.select(gaussians, Selection(keep=keep, added=added))
    assert gaussians.means is means
    torch.testing.assert_close(means.detach()[:8], rows)
    assert not optimizer.moments[means].exp_avg[8:].any()


def test_state_put_back_goes_on_alike():
    first, first_optimizer = trained()
    second, second_optimizer = trained(steps=1)
    second.load_state_dict(first.state_dict())
    second_optimizer.restore(first_optimizer.state())
    for gaussians, optimizer in ((first, first_optimizer), (second, second_optimizer)):
        torch.stack(
            [parameter.square().sum() for parameter in gaussians.parameters()]
        ).sum().backward()
        optimizer.step(3)
    for name, table in first.tables().items():
        assert torch.equal(table, second.tables()[name])


def test_a_step_of_several_frames_goes_further_and_remembers_less():
    moved = []
    for batch in (1, 4):
        value = torch.nn.Parameter(torch.zeros(3))
        optimizer = Optimizer(
            [Group(name="a", parameters={"a": value}, rate=lambda step: 0.1, betas=(0.9, 0.99))],
            batch,
        )
        value.sum().backward()
        optimizer.step(0)
        moved.append(float(value.detach()[0]))
        moments = optimizer.moments[value]
        assert float(moments.exp_avg[0]) == pytest.approx(1 - 0.9**batch)
        assert float(moments.exp_avg_sq[0]) == pytest.approx(1 - 0.99**batch)
    assert moved[1] == pytest.approx(2 * moved[0], rel=1e-3)
