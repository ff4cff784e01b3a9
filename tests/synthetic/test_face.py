import numpy as np
import pytest

from instag.synthetic.expression import Expression
from instag.synthetic.face import build_face, turn_x
from instag.synthetic.face_points import LOWER_INNER, UPPER_INNER
from instag.synthetic.looks import sample_looks


@pytest.fixture(scope="module", params=[0, 3])
def face(request):
    return build_face(sample_looks(request.param), levels=1)


def gap(points):
    return float(np.linalg.norm(points[13] - points[14]))


def test_lips_touch_at_rest_and_open_with_the_jaw(face):
    gaps = [gap(face.surface(Expression(jaw=angle))) for angle in (0.0, 0.05, 0.10, 0.17)]
    assert gaps[0] < 0.05
    assert gaps == sorted(gaps)
    assert gaps[-1] > 1.0


def test_pressed_lips_meet_whatever_the_jaw_does(face):
    for angle in (0.0, 0.04, 0.08):
        assert gap(face.surface(Expression(jaw=angle, press=1.0))) < 0.05


def test_a_blink_brings_the_lids_together_and_leaves_the_mouth(face):
    rest, shut = face.surface(Expression()), face.surface(Expression(blink=1.0))
    for upper, lower in ((159, 145), (386, 374)):
        assert rest[upper, 1] - rest[lower, 1] > 0.6
        assert abs(shut[upper, 1] - shut[lower, 1]) < 0.2
    lips = [*UPPER_INNER, *LOWER_INNER]
    np.testing.assert_allclose(shut[lips], rest[lips], atol=1e-9)


def test_rounding_narrows_and_a_smile_widens_the_mouth(face):
    def width(expression):
        points = face.surface(expression)
        return points[291, 0] - points[61, 0]

    assert width(Expression(rounding=1.0)) < width(Expression()) - 0.5
    assert width(Expression(smile=1.0)) > width(Expression()) + 0.3


def test_the_cage_itself_is_not_changed(face):
    before = face.cage.copy()
    face.surface(Expression(jaw=0.2, blink=1, smile=1, frown=1))
    np.testing.assert_array_equal(face.cage, before)


def test_a_turn_about_x_keeps_distances():
    points = np.random.default_rng(0).normal(size=(9, 3))
    turned = turn_x(points, np.array([0.0, 1, 2]), 0.7)
    np.testing.assert_allclose(
        np.linalg.norm(turned[1:] - turned[:-1], axis=1),
        np.linalg.norm(points[1:] - points[:-1], axis=1),
    )
    assert turn_x(np.array([[0.0, 0, 1]]), np.zeros(3), 0.1)[0, 1] < 0
