"""Geometry priors: depth and normals of the face, rendered from the tracked mesh.

The mesh is each frame's landmarks lifted to three dimensions: a point lies on the ray of its
landmark, at the depth of the posed rest shape. So its outline, with jaw and lips, follows the
picture, and its relief is the person's. See docs/method.md#observation.
"""

from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from instag.data.clip import Clip
from instag.data.surface import Surface
from instag.motion.landmark_motion import SKIN_POINTS
from instag.observed import Track
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

TRIANGLES = Path(__file__).parents[2] / "bundled" / "face_mesh_triangles.npz"
SMOOTHING = 3
"""Times that a vertex's normal is averaged with its neighbours', against the jitter of
landmarks."""


def face_triangles() -> Int[np.ndarray, "t 3"]:
    """The triangles of MediaPipe's face mesh, counter-clockwise seen from the front (x right, y
    up)."""
    with np.load(TRIANGLES) as stored:
        return stored["triangles"].astype(np.int32)


def lift(
    landmarks: Float[np.ndarray, "478 3"],
    rotation: Float[np.ndarray, "3 3"],
    translation: Float[np.ndarray, "3"],
    identity: Float[np.ndarray, "478 3"],
    focal: float,
    size: tuple[int, int],
) -> Float[np.ndarray, "468 3"]:
    """The skin's points in the camera's frame (x right, y up, z toward the camera, metres).

    `rotation` and `translation` are camera to world, `focal` and the landmarks in pixels, `size`
    width and height.
    """
    depth = -((identity[:SKIN_POINTS] - translation) @ rotation)[:, 2]
    x = (landmarks[:SKIN_POINTS, 0] - size[0] / 2) / focal * depth
    y = (size[1] / 2 - landmarks[:SKIN_POINTS, 1]) / focal * depth
    return np.stack([x, y, -depth], -1)


def vertex_normals(
    points: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "t 3"]
) -> Float[np.ndarray, "v 3"]:
    """Unit normals of a mesh's vertices: the area-weighted mean of their triangles', then of their
    neighbours'."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    normals = _gather(faces, triangles, len(points))
    for _ in range(SMOOTHING):
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        normals = _gather(normals[triangles].sum(1), triangles, len(points))
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def _gather(
    values: Float[np.ndarray, "t 3"], triangles: Int[np.ndarray, "t 3"], count: int
) -> Float[np.ndarray, "v 3"]:
    """For each vertex the sum of its triangles' values."""
    corners = triangles.ravel()
    repeated = np.repeat(values, 3, axis=0)
    return np.stack([np.bincount(corners, repeated[:, axis], count) for axis in range(3)], -1)


def render(
    points: Float[np.ndarray, "v 3"],
    normals: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "t 3"],
    focal: float,
    size: tuple[int, int],
) -> Surface:
    """Render depth and normals of a mesh in the camera's frame (x right, y up, z toward the camera,
    metres); the nearest triangle is visible.

    Triangles that face away from the camera are not rendered. `size` is width and height, `focal`
    in pixels of that size; the principal point lies at the centre and pixel centres at +0.5.
    """
    width, height = size
    away = -points[:, 2]
    screen = np.stack(
        [
            width / 2 + focal * points[:, 0] / away,
            height / 2 - focal * points[:, 1] / away,
            1 / away,
        ],
        -1,
    )
    picture = np.zeros((height, width, 4), np.float32)
    _rasterize(screen, normals, triangles, picture)
    depth = np.empty((height, width), np.float32)
    _finish(picture, depth)
    return Surface(depth=depth, normal=picture[..., 1:], valid=picture[..., 0] > 0)


@njit(cache=True, nogil=True)
def _rasterize(screen, normals, triangles, picture):  # pragma: no cover - compiled
    """Write (1 / depth, normal) of the nearest front-facing triangle to each pixel; 1 / depth is
    linear in the image plane."""
    height, width = picture.shape[:2]
    for triangle in range(len(triangles)):
        i, j, k = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
        x0, y0, x1, y1, x2, y2 = (
            screen[i, 0],
            screen[i, 1],
            screen[j, 0],
            screen[j, 1],
            screen[k, 0],
            screen[k, 1],
        )
        area = (y1 - y0) * (x2 - x0) - (x1 - x0) * (y2 - y0)
        if not area > 1e-9:  # nor where it is no number
            continue
        top, bottom = (
            max(0, int(min(y0, y1, y2) - 0.5)),
            min(height - 1, int(max(y0, y1, y2) + 0.5)),
        )
        left, right = max(0, int(min(x0, x1, x2) - 0.5)), min(width - 1, int(max(x0, x1, x2) + 0.5))
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                a = ((y1 - y) * (x2 - x) - (x1 - x) * (y2 - y)) / area
                b = ((y2 - y) * (x0 - x) - (x2 - x) * (y0 - y)) / area
                c = 1 - a - b
                if a < 0 or b < 0 or c < 0:
                    continue
                inverse = a * screen[i, 2] + b * screen[j, 2] + c * screen[k, 2]
                if inverse > picture[row, column, 0]:
                    picture[row, column, 0] = inverse
                    for axis in range(3):
                        picture[row, column, 1 + axis] = (
                            a * normals[i, axis] + b * normals[j, axis] + c * normals[k, axis]
                        )


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(picture, depth):  # pragma: no cover - compiled
    """Bring the picture's normals to unit length, and write its depth, 0 where it is empty. No view
    of each pixel is taken: that took fifteen times as long."""
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            inverse = picture[row, column, 0]
            depth[row, column] = 0
            if inverse > 0:
                depth[row, column] = np.float32(1) / max(inverse, np.float32(1e-6))
                x, y = picture[row, column, 1], picture[row, column, 2]
                z = picture[row, column, 3]
                length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-8)
                picture[row, column, 1] = x / length
                picture[row, column, 2] = y / length
                picture[row, column, 3] = z / length


@final
class TrackedMesh:
    """The surface of the tracked face, frame by frame. picture: width and height of the pictures;
    size: those of a surface, half of them."""

    def __init__(self, track: Track, picture: tuple[int, int]) -> None:
        self._track, self._picture, self._triangles = track, picture, face_triangles()
        self.size = (picture[0] // 2, picture[1] // 2)

    def surface(self, index: int) -> Surface:
        """The surface in a frame, in the camera's axes (x right, y up, z toward the camera),
        metres."""
        track = self._track
        points = lift(
            track.landmarks[index],
            track.rotations[index],
            track.translations[index],
            track.identity,
            track.focal,
            self._picture,
        )
        return render(
            points,
            vertex_normals(points, self._triangles),
            self._triangles,
            track.focal * self.size[0] / self._picture[0],
            self.size,
        )


def render_surface(clip: Clip, report: Report = silent) -> None:
    """Write surface/*.npz of a clip that has a track, at half the frames' size. The memory does not
    depend on the clip's length."""
    mesh = TrackedMesh(clip.track(), clip.size())

    def work(index: int) -> int:
        clip.save_surface(index, mesh.surface(index))
        return index

    for index in in_order(work, range(len(clip))):
        report(index + 1, len(clip))
