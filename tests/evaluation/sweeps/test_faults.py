import cv2
import numpy as np
import pytest

from instag.evaluation.sweeps.faults import Faults, RestState, holes, jump
from instag.evaluation.sweeps.rendered_sweep import FaceSplats


def disk() -> np.ndarray:
    return cv2.circle(np.zeros((256, 256), np.float32), (128, 128), 90, 1.0, -1)


def test_a_whole_head_has_no_holes_and_soft_edges_are_none():
    assert holes(disk()) == 0
    assert holes(cv2.GaussianBlur(disk(), (0, 0), 2)) == 0


def test_a_hole_counts_by_its_share():
    pierced = cv2.circle(disk(), (110, 120), 20, 0.2, -1)
    assert holes(pierced) == pytest.approx((20 / 84) ** 2, rel=0.1)
    notched = disk()
    notched[:90, 122:134] = 0
    assert holes(notched) > 0.02, "a gap at the edge is inside, too"


def test_nothing_to_be_seen_is_one_hole():
    assert holes(np.zeros((64, 64), np.float32)) == 1


def grid() -> FaceSplats:
    points = np.stack(np.meshgrid(*[np.arange(30.0)] * 2), -1).reshape(1, -1, 2) * 2e-3
    return FaceSplats(
        means=np.pad(points, ((0, 0), (0, 0), (0, 1))), scales=np.full((1, 900), 1e-3)
    )


def test_strain_is_the_change_of_distances_not_of_places():
    rest = RestState(grid(), np.ones(900))
    means = grid().means[0]
    assert rest.strain(means + 0.05) == pytest.approx(0, abs=1e-6)
    assert rest.strain(1.5 * means) == pytest.approx(0.5)
    torn = means.copy()
    torn[:450] += [0, 0, 0.02]
    assert rest.strain(torn) > 5


def test_splats_that_are_hardly_seen_do_not_count():
    opacities = np.ones(900)
    opacities[7] = 0.02
    torn, longer = grid().means[0].copy(), grid().scales[0].copy()
    torn[7], longer[7] = torn[7] + 1, 1
    rest = RestState(grid(), opacities)
    assert rest.strain(torn) == 0
    assert rest.stretch(longer) == 1
    longer[8] = 3e-3
    assert rest.stretch(longer) == pytest.approx(3)


def test_a_jump_is_more_than_the_usual_step():
    course = np.arange(11) * 4
    pictures = np.repeat(course, 64 * 64 * 3).reshape(11, 64, 64, 3).astype(np.uint8)
    assert jump(pictures) == 1
    pictures[5:] += 20
    assert jump(pictures) == pytest.approx(6)
    assert jump(pictures[:1].repeat(5, 0)) == 1, "what never moves never jumps"


def test_the_worse_of_two():
    one = Faults(holes=0.1, strain=2, stretch=1, jump=5)
    other = Faults(holes=0.2, strain=1, stretch=3, jump=4)
    assert one.worse(other) == Faults(holes=0.2, strain=2, stretch=3, jump=5)
