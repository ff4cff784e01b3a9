"""Loop subdivision of triangle cages (Loop 1987) as one sparse matrix, which is built once and
applied in each frame."""

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Int


def loop_matrix(
    triangles: Int[np.ndarray, "t 3"], count: int, levels: int
) -> tuple[sparse.csr_matrix, Int[np.ndarray, "u 3"]]:
    """The matrix [fine, count] that refines `count` cage points `levels` times, and the fine
    triangles.

    The first `count` fine points correspond to the cage's points. Open borders are subdivided as
    curves.
    """
    total, points = sparse.csr_matrix(sparse.identity(count)), count
    for _ in range(levels):
        step, triangles, points = _refine(triangles, points)
        total = sparse.csr_matrix(step @ total)
    return total, triangles


def _refine(
    triangles: Int[np.ndarray, "t 3"], count: int
) -> tuple[sparse.csr_matrix, Int[np.ndarray, "u 3"], int]:
    corners = np.stack([triangles, np.roll(triangles, -1, 1)], -1)
    opposite = np.roll(triangles, -2, 1)
    edges, inverse, uses = np.unique(
        np.sort(corners.reshape(-1, 2), 1), axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    number = np.arange(len(edges))
    inner = uses == 2
    end_weight = np.where(inner, 3 / 8, 1 / 2)
    rows = [number + count, number + count, inverse + count]
    columns = [edges[:, 0], edges[:, 1], opposite.reshape(-1)]
    values = [end_weight, end_weight, np.where(inner, 1 / 8, 0)[inverse]]

    border_point = np.zeros(count, bool)
    border_point[edges[~inner].reshape(-1)] = True
    valence = np.bincount(edges.reshape(-1), minlength=count)
    beta = np.where(valence > 3, 3 / (8 * np.maximum(valence, 1)), 3 / 16)
    keep = np.where(border_point, 3 / 4, 1 - valence * beta)
    rows.append(np.arange(count))
    columns.append(np.arange(count))
    values.append(keep)
    for one, other in ((0, 1), (1, 0)):
        point = edges[:, one]
        rows.append(point)
        columns.append(edges[:, other])
        values.append(np.where(border_point[point], np.where(inner, 0, 1 / 8), beta[point]))
    shape = (count + len(edges), count)
    step = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    )

    midpoints = inverse.reshape(-1, 3) + count
    a, b, c = triangles.T
    ab, bc, ca = midpoints.T
    fine = np.concatenate(
        [np.stack(three, 1) for three in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    )
    return step, fine, count + len(edges)


def harmonic_interpolation(
    triangles: Int[np.ndarray, "t 3"], count: int, fixed: dict[int, float]
) -> Float[np.ndarray, " count"]:
    """Values at all points of a cage from those in `fixed`: the harmonic function on its edges, so
    that every other point's value is the mean of its neighbours'."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    adjacency = np.zeros((count, count))
    adjacency[pairs[:, 0], pairs[:, 1]] = adjacency[pairs[:, 1], pairs[:, 0]] = 1
    laplacian = np.diag(adjacency.sum(1)) - adjacency
    known = np.array(list(fixed))
    values = np.zeros(count)
    values[known] = list(fixed.values())
    free = np.setdiff1d(np.arange(count), known)
    values[free] = np.linalg.solve(
        laplacian[np.ix_(free, free)] + 1e-9 * np.eye(len(free)),
        -laplacian[np.ix_(free, known)] @ values[known],
    )
    return values
