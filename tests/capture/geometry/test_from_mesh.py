import numpy as np

from instag.capture.geometry.from_mesh import (
    face_triangles,
    lift,
    render,
    render_surface,
    vertex_normals,
)
from painted_head import painted_clip, rest_face

FOCAL, SIZE, DISTANCE = 400.0, (160, 120), 1.0


def ball(radius: float = 0.1, steps: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """The half of a ball that faces the camera, at DISTANCE from it: points and triangles,
    counter-clockwise seen from outside."""
    across, down = np.meshgrid(np.linspace(-1.2, 1.2, steps), np.linspace(1.2, -1.2, steps))
    points = radius * np.stack(
        [np.sin(across) * np.cos(down), np.sin(down), np.cos(across) * np.cos(down)], -1
    )
    corner = np.arange(steps * steps).reshape(steps, steps)
    a, b, c, d = (
        part.ravel()
        for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:])
    )
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).astype(np.int32)
    return points.reshape(-1, 3) - (0, 0, DISTANCE), triangles


def test_a_rendered_ball_has_a_balls_depth_and_normals() -> None:
    points, triangles = ball()
    surface = render(points, vertex_normals(points, triangles), triangles, FOCAL, SIZE)
    rows, columns = np.nonzero(surface.valid)
    depth = surface.depth[surface.valid]
    seen = np.stack(
        [
            (columns + 0.5 - SIZE[0] / 2) / FOCAL * depth,
            (SIZE[1] / 2 - rows - 0.5) / FOCAL * depth,
            -depth,
        ],
        -1,
    )
    outward = seen + np.array((0, 0, DISTANCE))
    middle = np.hypot(outward[:, 0], outward[:, 1]) < 0.07
    np.testing.assert_allclose(np.linalg.norm(outward[middle], axis=1), 0.1, atol=5e-4)
    normals = surface.normal[surface.valid]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    assert (normals[middle] * outward[middle] / 0.1).sum(1).min() > 0.99
    assert (normals[:, 2] > 0).all()


def test_the_back_of_a_mesh_is_not_drawn() -> None:
    points, triangles = ball()
    assert not render(
        points, vertex_normals(points, triangles), triangles[:, ::-1].copy(), FOCAL, SIZE
    ).valid.any()


def test_the_nearest_sheet_is_seen() -> None:
    square = np.array([(-0.1, -0.1, 0), (0.1, -0.1, 0), (0.1, 0.1, 0), (-0.1, 0.1, 0)])
    points = np.concatenate([square - (0, 0, 1.0), square - (0, 0, 0.8)])
    sheet = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    for triangles in (np.concatenate([sheet, sheet + 4]), np.concatenate([sheet + 4, sheet])):
        surface = render(points, np.tile((0.0, 0, 1), (8, 1)), triangles, FOCAL, SIZE)
        assert abs(surface.depth[60, 80] - 0.8) < 1e-5


def test_the_face_mesh_is_one_sheet_turned_alike() -> None:
    triangles = face_triangles()
    assert len(np.unique(triangles)) == 468
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges), (
        "no edge is run through twice in the same direction"
    )
    holes = 1 - (468 - len(np.unique(np.sort(edges, 1), axis=0)) + len(triangles))
    assert holes == 3, "two eyes and a mouth"


def test_lifted_points_fall_on_their_landmarks() -> None:
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(0, 128, (478, 3))
    points = lift(landmarks, np.eye(3), np.array([0.01, 0.02, 0.8]), rest_face(), 300.0, (128, 128))
    np.testing.assert_allclose(64 + 300 * points[:, 0] / -points[:, 2], landmarks[:468, 0])
    np.testing.assert_allclose(64 - 300 * points[:, 1] / -points[:, 2], landmarks[:468, 1])
    np.testing.assert_allclose(points[:, 2], rest_face()[:468, 2] - 0.8)


def test_a_clips_priors_are_read_back(tmp_path) -> None:
    clip = painted_clip(tmp_path, 2)
    render_surface(clip)
    surface = clip.surface(1)
    assert surface.depth.shape == (128, 128)
    if surface.valid.any():
        assert 0.7 < surface.depth[surface.valid].min() <= surface.depth[surface.valid].max() < 0.9
