"""The depth sweep finds how far back lies what is beside the tracked points."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from instag.data.depth_sweep import DEPTH, DEPTHS, RING, RINGS, depth_profile, general_profile
from instag.data.head_view import (
    BETWEEN,
    HeadView,
    head_pixels_of,
    nearest,
    nearest_points,
    share_inside,
)
from instag.types import Region

SIZE, FOCAL, AWAY = 128, 280.0, 0.7


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def tracked() -> torch.Tensor:
    """A flat disc of points of 4 cm."""
    grid = torch.linspace(-0.04, 0.04, 21)
    points = torch.stack([*torch.meshgrid(grid, grid, indexing="xy"), torch.zeros(21, 21)], -1)
    points = points.reshape(-1, 3)
    return points[points.norm(dim=1) <= 0.04]


def view_of(yaw: float, step: float) -> HeadView:
    """A textured disc of 4 cm radius at depth 0, and around it, to 8 cm, a ring `step` metres
    behind."""
    turn = torch.from_numpy(Rotation.from_euler("y", yaw, degrees=True).as_matrix()).float()
    axes = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    pose = torch.eye(4)
    pose[:3, :3], pose[2, 3] = axes @ turn, AWAY
    K = torch.tensor([[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1]])
    noise = np.random.default_rng(0).uniform(0, 255, (2, 256, 256, 3))
    textures = gaussian_filter(noise, (0, 4, 4, 0))
    textures = (textures - textures.min()) / np.ptp(textures) * 255
    eye = -pose[:3, 3] @ pose[:3, :3]
    row, column = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    ray = torch.stack(
        [(column + 0.5 - SIZE / 2), (row + 0.5 - SIZE / 2), torch.full_like(row, 1)], -1
    )
    ray = ray.float() / torch.tensor([FOCAL, FOCAL, 1.0]) @ pose[:3, :3]
    image, regions = np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    for layer, (depth, radius, label) in enumerate(
        ((-step, 0.08, Region.HAIR), (0.0, 0.04, Region.FACE))
    ):
        place = eye + ray * ((depth - eye[2]) / ray[..., 2])[..., None]
        inside = (place[..., :2].norm(dim=-1) <= radius).numpy()
        at = ((place[..., :2].numpy() + 0.1) / 0.2 * 255).astype(int).clip(0, 255)
        image[inside] = textures[layer][at[..., 1], at[..., 0]][inside]
        regions[inside] = label
    alpha = np.where(regions > 0, 255, 0).astype(np.uint8)
    return HeadView(image=image, regions=regions, alpha=alpha, K=K, pose=pose)


def test_profile_finds_a_step_back():
    for step in (0.02, 0.05):
        views = [view_of(yaw, step) for yaw in (-14, -9, -4, 0, 4, 9, 14)]
        table = depth_profile(views, head_pixels_of(views, tracked()), seeded()).table
        far = table[:, 4:6]  # 2 to 3 cm beside the points
        assert abs(np.median(far) - step) < 0.008, step


def test_views_that_tell_nothing_leave_heads_in_general():
    views = [view_of(0.0, 0.05) for _ in range(3)]
    for view in views:
        view.image[:] = 128
    table = depth_profile(views, head_pixels_of(views, tracked()), seeded()).table
    steps = DEPTHS * DEPTH
    assert np.abs(table - general_profile().table).max() < 0.03
    assert table.max() <= steps


def test_profiles_recede_from_the_points_on():
    profile = general_profile()
    away = torch.linspace(0, RING * RINGS, 50)
    for angle in (0.0, 1.5, 3.0, 6.2):
        back = profile(away, torch.full_like(away, angle))
        assert back[0] == 0
        assert (back.diff() >= -1e-6).all()


def test_angles_follow_the_heads_own_axes():
    view = view_of(0.0, 0.05)
    pixels = torch.tensor([[64, 100], [20, 64]])  # right of the middle, above it
    nearest = nearest_points(view, tracked(), pixels)
    assert torch.allclose(nearest.angle.cos(), torch.tensor([1.0, 0.0]), atol=0.05)
    assert float(nearest.angle[1].sin()) > 0.99
    assert (nearest.away > 0).all()
    close = nearest_points(view, tracked(), torch.tensor([[64, 66]]))
    assert float(close.away) == 0 < BETWEEN


def test_lifting_is_the_inverse_of_projecting():
    view = view_of(12.0, 0.05)
    points = tracked()
    seen = view.project(points)
    pixels = (seen[:, :2].flip(1)).long()
    lifted = view.lift(pixels, seen[:, 2])
    assert (lifted - points).norm(dim=1).max() < 0.003
    assert float(share_inside([view], points).mean()) > 0.97


def test_nearest_points_are_those_of_a_k_d_tree() -> None:
    generator = np.random.default_rng(0)
    points, places = generator.uniform(-5, 120, (60, 2)), generator.uniform(0, 100, (900, 2))
    away, index = nearest(points, places)
    true_away, true_index = KDTree(points).query(places)
    np.testing.assert_allclose(away, true_away, rtol=1e-12)
    np.testing.assert_array_equal(index, true_index)
    assert len(nearest(points, places[:0])[0]) == 0
