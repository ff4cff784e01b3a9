import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instag.perception.head_coordinates import CHIN, CROWN, LEFT, RIGHT, to_head
from painted_head import rest_face


def rest_shape(identity: np.ndarray) -> np.ndarray:
    """The face at rest in head coordinates, from its shape in metres (x right, y up)."""
    width = identity[LEFT, 0] - identity[RIGHT, 0]
    height = identity[CROWN, 1] - identity[CHIN, 1]
    middle = (identity[LEFT, 0] + identity[RIGHT, 0]) / 2
    return np.stack(
        [(identity[:, 0] - middle) / (width / 2), (identity[:, 1] - identity[CHIN, 1]) / height], -1
    )


@given(
    turn=st.floats(-0.6, 0.6),
    scale=st.floats(100, 3000),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_a_face_seen_from_the_front_lies_on_its_resting_shape(
    turn: float, scale: float, x: float, y: float
) -> None:
    identity = rest_face()
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pixels = (identity[:, :2] * (1, -1)) @ rotation.T * scale + (x, y)
    found = to_head(np.column_stack([pixels, np.zeros(478)]), identity)
    np.testing.assert_allclose(
        pixels @ found[:, :2].T + found[:, 2], rest_shape(identity), atol=1e-6
    )


def test_units_are_the_faces_own() -> None:
    rest = rest_shape(rest_face())
    assert rest[LEFT, 0] == 1
    assert rest[RIGHT, 0] == -1
    assert rest[CHIN, 1] == 0
    assert rest[CROWN, 1] == 1
