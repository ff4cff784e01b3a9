"""Whose frames a step takes: everyone once a round, one person alone always."""

import pytest

from instag.training.person_sampler import PersonSampler


@pytest.mark.parametrize("people, together", [(1, 1), (5, 2), (6, 3), (4, 4)])
def test_everyone_comes_once_a_round(people: int, together: int) -> None:
    sampler = PersonSampler(people=people, together=together, seed=3)
    for turn in range(4):
        steps = range(turn * sampler.round_steps, (turn + 1) * sampler.round_steps)
        seen = [person for step in steps for person in sampler.sample(step, "face")]
        assert sorted(seen) == list(range(people))
        assert {sampler.person_step(step) for step in steps} == {turn}


def test_a_group_stays_with_one_process() -> None:
    sampler = PersonSampler(people=7, together=4, seed=0)
    for step in range(20):
        places = [person % 4 for person in sampler.sample(step, "face")]
        assert places == sorted(set(places))
    assert {sampler.rank_of(person, 2) for person in (0, 2, 4, 6)} == {0}
