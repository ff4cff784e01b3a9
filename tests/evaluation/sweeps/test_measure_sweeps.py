from evaluation.talk import unlearned
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.sweeps.measure_sweeps import SHOWN, measure_sweeps
from instag.models.avatar import Avatar


def test_every_sweep_is_measured_and_shown():
    avatar, seen = Avatar.open(unlearned()[0]), []
    found = measure_sweeps(avatar, report=lambda done, total: seen.append((done, total)))
    assert [each.name for each in found.results] == [
        *avatar.info.expression_units,
        *("pitch", "yaw", "roll", "mixtures"),
    ]
    assert seen[-1] == (10, 10)
    assert all(each.shown.shape == (SHOWN, 64, 64, 3) for each in found.results)
    assert isinstance(found.lids, NotMeasured), "random Gaussians have no face"
    numbers = found.numbers()
    assert set(numbers) == {
        f"sweep_{name}" for name in ("holes", "holes_rest", "strain", "stretch", "jump")
    }
    assert found.rest.strain == 0
    assert numbers["sweep_holes"] >= 100 * max(each.faults.holes for each in found.results) - 1e-9
