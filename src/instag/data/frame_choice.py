"""The choice of frames: those of a long video whose pictures tell most.

A farthest-point choice in the space of turn, expression and lip opening: each next frame is the one
least like all before it. So extremes come first, and frames that repeat others come last.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.data.clip_dataset import ClipDataset


def telling_frames(dataset: ClipDataset, train: range, most: int | None) -> Sequence[int]:
    """At most so many of the frames, in their order; None for all."""
    if most is None or len(train) <= most:
        return train
    rows = farthest_points(frame_features(dataset, train), most)
    return tuple(train[row] for row in rows.sort().values.tolist())


def frame_features(dataset: ClipDataset, train: range) -> Float[Tensor, "f 10"]:
    """Turn (yaw, pitch, roll), expression and lip opening of each frame, on the host; each of the
    three has the same deviation."""
    some = slice(train.start, train.stop)
    views = dataset.viewmats[some].cpu()
    parts = (
        torch.stack([views[:, 0, 2], views[:, 1, 2], views[:, 0, 1]], dim=1),
        dataset.expression[some].cpu(),
        dataset.mouth_opening[some, None],
    )
    return torch.cat([normalized(part) for part in parts], dim=1)


def normalized(part: Float[Tensor, "f d"]) -> Float[Tensor, "f d"]:
    """Each column over its deviation, all of them together of deviation 1; a silent column is 0."""
    away = part - part.mean(0)
    return away / away.std(0).clamp_min(1e-6) / part.shape[1] ** 0.5


def farthest_points(
    points: Float[Tensor, "f d"], count: int, *, first: int | None = None
) -> Int[Tensor, " count"]:
    """Rows in the order of their choice: the first (None: the one nearest the mean), then each time
    the one whose nearest chosen point is farthest."""
    chosen = [int((points - points.mean(0)).norm(dim=1).argmin()) if first is None else first]
    nearest = (points - points[chosen[0]]).norm(dim=1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = nearest.minimum((points - points[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen)
