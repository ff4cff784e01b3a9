"""Random numbers depend on the seed and the step alone."""

import torch

from instag.training.rng import rng_for


def test_the_same_whenever_it_is_asked_for():
    first, again = (torch.rand(5, generator=rng_for(3, "face", 17).choice) for _ in range(2))
    assert torch.equal(first, again)


def test_another_step_stage_seed_or_kind_is_another_draw():
    draws = [
        torch.rand(5, generator=source)
        for source in (
            rng_for(3, "face", 17).choice,
            rng_for(3, "face", 17).noise,
            rng_for(3, "face", 18).choice,
            rng_for(3, "mouth", 17).choice,
            rng_for(4, "face", 17).choice,
            rng_for(3, "face", 17, "frames").choice,
        )
    ]
    assert len({tuple(draw.tolist()) for draw in draws}) == len(draws)


def test_steps_in_a_row_are_as_good_as_one_generator():
    numbers = torch.tensor(
        [torch.rand((), generator=rng_for(0, "face", step).choice).item() for step in range(2000)]
    )
    assert abs(float(numbers.mean()) - 0.5) < 0.03
    assert abs(float(torch.corrcoef(torch.stack([numbers[1:], numbers[:-1]]))[0, 1])) < 0.07
