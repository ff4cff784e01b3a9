"""Rotations and poses against their definitions and SciPy."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from instag.ops.rotations import quaternion_to_matrix, rotation_vector_to_matrix, viewmats

numbers = st.floats(-3, 3, allow_nan=False, width=32)


@given(st.tuples(numbers, numbers, numbers))
def test_rotation_vector_agrees_with_scipy(vector: tuple[float, float, float]) -> None:
    ours = rotation_vector_to_matrix(torch.tensor([vector], dtype=torch.float64))
    np.testing.assert_allclose(ours[0].numpy(), Rotation.from_rotvec(vector).as_matrix(), atol=1e-8)


@given(st.tuples(numbers, numbers, numbers, numbers).filter(lambda q: sum(x * x for x in q) > 1e-3))
def test_quaternion_agrees_with_scipy(wxyz: tuple[float, float, float, float]) -> None:
    w, x, y, z = wxyz
    ours = quaternion_to_matrix(torch.tensor([wxyz], dtype=torch.float64))
    np.testing.assert_allclose(
        ours[0].numpy(), Rotation.from_quat([x, y, z, w]).as_matrix(), atol=1e-8
    )


def test_gradient_at_no_turn_is_finite() -> None:
    vectors = torch.zeros(2, 3, requires_grad=True)
    rotation_vector_to_matrix(vectors)[:, 2, 1].sum().backward()
    assert vectors.grad is not None
    torch.testing.assert_close(vectors.grad, torch.tensor([[1.0, 0, 0]] * 2))


def test_camera_in_front_sees_upright_head() -> None:
    """A camera 0.8 m before the face: right stays right, up becomes minus y, the head lies at
    positive depth."""
    matrix = viewmats(torch.eye(3)[None], torch.tensor([[0.0, 0, 0.8]]))[0]
    seen = matrix @ torch.tensor([0.01, 0.02, 0.03, 1.0])
    torch.testing.assert_close(seen, torch.tensor([0.01, -0.02, 0.77, 1.0]))


def test_viewmats_invert_the_pose() -> None:
    rotations = rotation_vector_to_matrix(
        torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    )
    translations = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
    pose = torch.eye(4).repeat(5, 1, 1)
    pose[:, :3, :3], pose[:, :3, 3] = rotations, translations
    flip = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    torch.testing.assert_close(
        viewmats(rotations, translations) @ pose @ flip,
        torch.eye(4).repeat(5, 1, 1),
        atol=1e-5,
        rtol=0,
    )
