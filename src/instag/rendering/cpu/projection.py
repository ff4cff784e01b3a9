"""The projection of Gaussians in numba: the fast twin of projection.project, with its derivative
written out."""

import math

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from instag.rendering.projection import DILATION, FARTHEST, MARGIN, NEAR, SKIP_UNDER, Projection
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch
from instag.types import Camera, Splats

PARTS = 16
"""Into how many parts the splats are cut for the cores; fixed, so that sums do not depend on the
number of cores."""


def project_fast(splats: Splats, camera: Camera) -> Projection:
    """What projection.project computes, for float32 tensors on the CPU. Differentiable in means,
    quats, scales and viewmats. Raises ValueError where shapes contradict."""
    _check_shapes(splats, camera)
    intrinsics = torch.stack(
        [camera.Ks[:, 0, 0], camera.Ks[:, 1, 1], camera.Ks[:, 0, 2], camera.Ks[:, 1, 2]], -1
    )
    means2d, conics, depths, extents = _Project.apply(
        splats.means,
        splats.quats,
        splats.scales,
        camera.viewmats,
        splats.opacities.detach(),
        intrinsics,
        (camera.width, camera.height),
    )  # pyright: ignore[reportGeneralTypeIssues]
    return Projection(means2d=means2d, conics=conics, depths=depths, extents=extents)


def _check_shapes(splats: Splats, camera: Camera) -> None:
    """The kernel indexes each of these by the shape of the others. Raises ValueError."""
    each = tuple(splats.means.shape[:2])
    for tensor, shape in (
        (splats.means, (*each, 3)),
        (splats.quats, (*each, 4)),
        (splats.scales, (*each, 3)),
        (splats.opacities, each),
        (camera.viewmats, (*each[:1], 4, 4)),
        (camera.Ks, (*each[:1], 3, 3)),
    ):
        if tuple(tensor.shape) != shape:
            raise ValueError(f"splats and camera contradict: {tuple(tensor.shape)}, not {shape}")


def check_features(splats: Splats, features: Tensor) -> None:
    """What is rendered of each splat is indexed by the splats' shape. Raises ValueError."""
    if features.ndim != 3 or features.shape[:2] != splats.means.shape[:2]:
        raise ValueError(
            f"features of {tuple(features.shape)} contradict {tuple(splats.means.shape[:2])} splats"
        )


def array(tensor: Tensor) -> np.ndarray:
    """The tensor's numbers as a contiguous float32 array, without a copy where possible."""
    return tensor.detach().to(torch.float32).contiguous().numpy()


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, viewmats, opacities, intrinsics, size):
        numba_threads_like_torch()
        frames, count = means.shape[:2]
        outputs = tuple(torch.empty(frames, count, *rest) for rest in ((2,), (3,), (), (2,)))
        _project(
            _arrays(means, quats, scales, viewmats, intrinsics),
            array(opacities),
            size,
            _arrays(*outputs),
        )
        ctx.mark_non_differentiable(outputs[-1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(means, quats, scales, viewmats, intrinsics)
        ctx.size = size
        return outputs

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        means, quats, scales, viewmats, _ = ctx.saved_tensors
        outer = (
            torch.zeros(*means.shape[:2], *rest) if given is None else given
            for given, rest in zip(gradients[:3], ((2,), (3,), ()), strict=True)
        )
        results = tuple(torch.empty(tensor.shape) for tensor in (means, quats, scales))
        turned = np.zeros((PARTS, len(viewmats), 12), np.float64)
        with_poses = ctx.needs_input_grad[3]
        _project_back(
            _arrays(*ctx.saved_tensors),
            ctx.size,
            _arrays(*outer),
            _arrays(*results),
            with_poses,
            turned,
        )
        if not with_poses:
            return *results, None, None, None, None
        poses = torch.zeros_like(viewmats)
        poses[:, :3] = torch.from_numpy(turned.sum(0)).view(-1, 3, 4).to(poses.dtype)
        return *results, poses, None, None, None


def _arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(map(array, tensors))


@njit(cache=True)
def _rotate(quat, rotation):
    """Fill the 3 x 3 matrix of a unit quaternion wxyz."""
    w, x, y, z = np.float64(quat[0]), np.float64(quat[1]), np.float64(quat[2]), np.float64(quat[3])
    rotation[0, 0], rotation[0, 1], rotation[0, 2] = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
    )
    rotation[1, 0], rotation[1, 1], rotation[1, 2] = (
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
    )
    rotation[2, 0], rotation[2, 1], rotation[2, 2] = (
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )


@njit(cache=True)
def _rotate_back(quat, d, out):
    """The derivative by the quaternion, given the derivative `d` by its matrix."""
    w, x, y, z = np.float64(quat[0]), np.float64(quat[1]), np.float64(quat[2]), np.float64(quat[3])
    out[0] = 2 * (z * (d[1, 0] - d[0, 1]) + y * (d[0, 2] - d[2, 0]) + x * (d[2, 1] - d[1, 2]))
    out[1] = 2 * (
        y * (d[0, 1] + d[1, 0])
        + z * (d[0, 2] + d[2, 0])
        + w * (d[2, 1] - d[1, 2])
        - 2 * x * (d[1, 1] + d[2, 2])
    )
    out[2] = 2 * (
        x * (d[0, 1] + d[1, 0])
        + z * (d[1, 2] + d[2, 1])
        + w * (d[0, 2] - d[2, 0])
        - 2 * y * (d[0, 0] + d[2, 2])
    )
    out[3] = 2 * (
        x * (d[0, 2] + d[2, 0])
        + y * (d[1, 2] + d[2, 1])
        + w * (d[1, 0] - d[0, 1])
        - 2 * z * (d[0, 0] + d[1, 1])
    )


@njit(cache=True)
def _place(mean, pose, point):
    """Fill `point` with the centre in the camera's axes; its z is 1 where the splat is not in
    front. Returns whether it is."""
    for row in range(3):
        point[row] = pose[row, 3]
        for column in range(3):
            point[row] += pose[row, column] * np.float64(mean[column])
    seen = point[2] >= NEAR
    if not seen:
        point[2] = 1.0
    return seen


@njit(cache=True)
def _axes(pose, scale, rotation, axes):
    """Fill the three axes of an ellipsoid, as columns in the camera's axes."""
    for row in range(3):
        for column in range(3):
            entry = 0.0
            for middle in range(3):
                entry += pose[row, middle] * rotation[middle, column]
            axes[row, column] = entry * scale[column]


@njit(cache=True)
def _bounds(focal, center, length):
    """How far left and right (or up and down) the Jacobian follows a centre, as slopes."""
    margin = MARGIN * length / (2 * focal)
    return -center / focal - margin, (length - center) / focal + margin


@njit(cache=True)
def _slopes(axes, axis, u, v, zoom_x, zoom_y):
    """How an axis of an ellipsoid lies in the picture: across and down, pixels. zoom: the focal
    length over the depth."""
    across = zoom_x * (axes[0, axis] - u * axes[2, axis])
    down = zoom_y * (axes[1, axis] - v * axes[2, axis])
    return across, down


@njit(cache=True)
def _covariance(axes, u, v, zoom_x, zoom_y):
    """The entries xx, xy, yy of an ellipsoid's covariance in the picture, square pixels."""
    xx, xy, yy = DILATION, 0.0, DILATION
    for axis in range(3):
        across, down = _slopes(axes, axis, u, v, zoom_x, zoom_y)
        xx, xy, yy = xx + across * across, xy + across * down, yy + down * down
    return xx, xy, yy


@njit(cache=True, error_model="numpy")
def _extent(x, y, xx, yy, opacity, width, height):
    """Half width and half height of the box outside which alpha is under SKIP_UNDER; 0 where the
    picture does not meet it."""
    reach = math.sqrt(2 * math.log(max(1.0, opacity / SKIP_UNDER)))
    wide, high = reach * math.sqrt(xx), reach * math.sqrt(yy)
    inside = (
        wide < FARTHEST
        and high < FARTHEST
        and x + wide > 0
        and x - wide < width
        and y + high > 0
        and y - high < height
    )
    return (wide, high) if inside else (0.0, 0.0)


@parallel_njit(error_model="numpy")
def _project(inputs, opacities, size, outputs):
    """Fill means2d, conics, depths and extents."""
    means, quats, scales, viewmats, intrinsics = inputs
    means2d, conics, depths, extents = outputs
    width, height = size
    frames, count = depths.shape
    parts = PARTS
    for part in prange(parts):
        rotation, axes, point = np.empty((3, 3)), np.empty((3, 3)), np.empty(3)
        for frame in range(frames):
            pose = viewmats[frame].astype(np.float64)
            focal_x, focal_y, center_x, center_y = intrinsics[frame].astype(np.float64)
            left, right = _bounds(focal_x, center_x, width)
            top, bottom = _bounds(focal_y, center_y, height)
            for index in range(count * part // parts, count * (part + 1) // parts):
                seen = _place(means[frame, index], pose, point)
                z = point[2]
                u, v = point[0] / z, point[1] / z
                x, y = focal_x * u + center_x, focal_y * v + center_y
                means2d[frame, index, 0], means2d[frame, index, 1], depths[frame, index] = x, y, z
                u, v = min(max(u, left), right), min(max(v, top), bottom)
                _rotate(quats[frame, index], rotation)
                _axes(pose, scales[frame, index], rotation, axes)
                xx, xy, yy = _covariance(axes, u, v, focal_x / z, focal_y / z)
                determinant = xx * yy - xy * xy
                conics[frame, index, 0], conics[frame, index, 1], conics[frame, index, 2] = (
                    yy / determinant,
                    -xy / determinant,
                    xx / determinant,
                )
                wide, high = 0.0, 0.0
                if seen and determinant > 0:
                    wide, high = _extent(x, y, xx, yy, opacities[frame, index], width, height)
                extents[frame, index, 0], extents[frame, index, 1] = wide, high


@parallel_njit(error_model="numpy")
def _project_back(inputs, size, outer, results, with_poses, by_poses):
    """Fill the derivatives by means, quats, scales, and where asked for by poses (rows of 3 x 4, a
    sum for each part)."""
    means, quats, scales, viewmats, intrinsics = inputs
    by_means2d, by_conics, by_depths = outer
    by_means, by_quats, by_scales = results
    width, height = size
    frames, count = by_depths.shape
    parts = PARTS
    for part in prange(parts):
        rotation, axes, point = np.empty((3, 3)), np.empty((3, 3)), np.empty(3)
        by_axes, by_rotation = np.empty((3, 3)), np.empty((3, 3))
        by_point, by_pose = np.empty(3), np.empty((3, 4))
        for frame in range(frames):
            pose = viewmats[frame].astype(np.float64)
            focal_x, focal_y, center_x, center_y = intrinsics[frame].astype(np.float64)
            left, right = _bounds(focal_x, center_x, width)
            top, bottom = _bounds(focal_y, center_y, height)
            by_pose[:] = 0.0
            for index in range(count * part // parts, count * (part + 1) // parts):
                mean, quat, scale = means[frame, index], quats[frame, index], scales[frame, index]
                unseen = not _place(mean, pose, point)
                if unseen or _all_zero(
                    by_means2d[frame, index], by_conics[frame, index], by_depths[frame, index]
                ):
                    by_means[frame, index], by_quats[frame, index], by_scales[frame, index] = (
                        0,
                        0,
                        0,
                    )
                    continue
                z = point[2]
                u, v = point[0] / z, point[1] / z
                u_held, v_held = min(max(u, left), right), min(max(v, top), bottom)
                _rotate(quat, rotation)
                _axes(pose, scale, rotation, axes)
                by_u, by_v = (
                    focal_x * by_means2d[frame, index, 0],
                    focal_y * by_means2d[frame, index, 1],
                )
                by_z = np.float64(by_depths[frame, index])
                by_u_held, by_v_held, by_z_shape = _shape_back(
                    axes, u_held, v_held, focal_x / z, focal_y / z, by_conics[frame, index], by_axes
                )
                by_u += by_u_held if u == u_held else 0.0
                by_v += by_v_held if v == v_held else 0.0
                by_point[0], by_point[1], by_point[2] = (
                    by_u / z,
                    by_v / z,
                    by_z + (by_z_shape - by_u * u - by_v * v) / z,
                )
                _place_back(pose, by_point, by_means[frame, index])
                _axes_back(pose, scale, rotation, by_axes, by_scales[frame, index], by_rotation)
                if with_poses:
                    _pose_back(mean, scale, rotation, by_point, by_axes, by_pose)
                _rotate_back(quat, by_rotation, by_quats[frame, index])
            by_poses[part, frame] = by_pose.reshape(12)


@njit(cache=True)
def _all_zero(by_mean2d, by_conic, by_depth):
    """Whether no pixel shows a splat: its derivatives are all zero, so that none is computed."""
    return (
        by_mean2d[0] == 0
        and by_mean2d[1] == 0
        and by_conic[0] == 0
        and by_conic[1] == 0
        and by_conic[2] == 0
        and by_depth == 0
    )


@njit(cache=True)
def _place_back(pose, by_point, by_mean):
    """Fill the derivative by a centre, given that by its place in the camera's axes."""
    for row in range(3):
        by_mean[row] = (
            pose[0, row] * by_point[0] + pose[1, row] * by_point[1] + pose[2, row] * by_point[2]
        )


@njit(cache=True)
def _axes_back(pose, scale, rotation, by_axes, by_scale, by_rotation):
    """Fill the derivatives by scales and rotation, given that by the axes."""
    for column in range(3):
        total = 0.0
        for row in range(3):
            turned = (
                pose[0, row] * by_axes[0, column]
                + pose[1, row] * by_axes[1, column]
                + pose[2, row] * by_axes[2, column]
            )
            total += turned * rotation[row, column]
            by_rotation[row, column] = turned * scale[column]
        by_scale[column] = total


@njit(cache=True)
def _pose_back(mean, scale, rotation, by_point, by_axes, by_pose):
    """Add the derivative by the pose, given those by a splat's place and axes."""
    for row in range(3):
        by_pose[row, 3] += by_point[row]
        for column in range(3):
            entry = by_point[row] * mean[column]
            for axis in range(3):
                entry += by_axes[row, axis] * rotation[column, axis] * scale[axis]
            by_pose[row, column] += entry


@njit(cache=True, error_model="numpy")
def _shape_back(axes, u, v, zoom_x, zoom_y, by_conic, by_axes):
    """Fill the derivative by an ellipsoid's axes, given that by its conic. Returns those by u and
    v, and z times that by z."""
    by_xx, by_xy, by_yy = _conic_back(*_covariance(axes, u, v, zoom_x, zoom_y), by_conic)
    by_u, by_v, by_z = 0.0, 0.0, 0.0
    for axis in range(3):
        across, down = _slopes(axes, axis, u, v, zoom_x, zoom_y)
        by_across, by_down = 2 * by_xx * across + by_xy * down, 2 * by_yy * down + by_xy * across
        by_axes[0, axis], by_axes[1, axis] = zoom_x * by_across, zoom_y * by_down
        by_axes[2, axis] = -u * zoom_x * by_across - v * zoom_y * by_down
        by_u -= zoom_x * axes[2, axis] * by_across
        by_v -= zoom_y * axes[2, axis] * by_down
        by_z -= by_across * across + by_down * down
    return by_u, by_v, by_z


@njit(cache=True, error_model="numpy")
def _conic_back(xx, xy, yy, by_conic):
    """The derivative by a covariance's entries, given that by its inverse."""
    determinant = xx * yy - xy * xy
    a, b, c = yy / determinant, -xy / determinant, xx / determinant
    by_a, by_b, by_c = np.float64(by_conic[0]), 0.5 * by_conic[1], np.float64(by_conic[2])
    upper, right, left, lower = (
        by_a * a + by_b * b,
        by_a * b + by_b * c,
        by_b * a + by_c * b,
        by_b * b + by_c * c,
    )
    return -(a * upper + b * left), -2 * (a * right + b * lower), -(b * right + c * lower)
