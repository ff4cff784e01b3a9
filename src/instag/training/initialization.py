"""The first Gaussians of a head: what some frames show, lifted to where skin and hair must be, in
its colours.

Skin lies as deep as the nearest tracked point; what lies beside the tracked points, hair and ears,
recedes. A point that other frames see beside the head is dropped. So hair begins as hair: a course
of minutes has hardly time to grow it from the face.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from instag.data.clip_dataset import ClipDataset, FrameBatch
from instag.models.gaussians import Gaussians, gaussians_at
from instag.types import Camera, Region

FRAMES = 8
"""Frames that are lifted, from the leftmost turn of the head to the rightmost; all of them check
each other's points."""
SPARE = 2
"""Points that are drawn for each one that is wanted."""
BETWEEN = 0.008
"""Metres: pixels so near to a tracked point lie between such points, those farther off beside them
..."""
DEEPEST = 0.05
"""... and so much further back, metre for metre, but no more than this."""
OPAQUE = 200
"""Of 255: pixels that show the head nearly alone."""
SEEN_INSIDE = 0.85
"""In this share of the frames a point must lie within the person."""
FEWEST = 0.25
"""Of the points that are wanted: with fewer, the regions of the frames tell too little of the
head."""
OPACITY = 0.3


def seen_gaussians(
    store: ClipDataset, train: range, count: int, degree: int, generator: torch.Generator
) -> Gaussians:
    """`count` of them, or fewer where the frames show little of a head: then with the tracked
    points among them."""
    frames = store.batch(turned(store, train))
    pieces = [
        lifted(frames, row, store.identity, SPARE * count // len(frames.indices), generator)
        for row in range(len(frames.indices))
    ]
    points, colours = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    good = torch.nonzero(inside(frames, points) >= SEEN_INSIDE)[:, 0]
    kept = good[torch.randperm(len(good), generator=generator)[:count]]
    if len(kept) < count * FEWEST:
        grey = torch.full_like(store.identity, 0.5)
        return gaussians_at(
            torch.cat([store.identity, points[kept]]),
            degree,
            generator,
            colour=torch.cat([grey, colours[kept]]),
            opacity=OPACITY,
        )
    return gaussians_at(points[kept], degree, generator, colour=colours[kept], opacity=OPACITY)


def turned(store: ClipDataset, train: range) -> list[int]:
    """Frames from the leftmost turn of the head to the rightmost, at even steps in their order."""
    order = store.viewmats[train.start : train.stop, 0, 2].argsort().cpu()
    return sorted(
        {train[int(order[at])] for at in torch.linspace(0, len(train) - 1, FRAMES).round().long()}
    )


def lifted(
    frames: FrameBatch,
    row: int,
    tracked: Float[Tensor, "p 3"],
    count: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Points of the head that a frame shows, metres, in the head's frame, and their colours in [0,
    1]; `count`, or all that there are; on the CPU."""
    head = (frames.is_region(Region.FACE, Region.HAIR) & (frames.alpha >= OPAQUE))[row].cpu()
    pixels = torch.nonzero(head)
    pixels = pixels[torch.randperm(len(pixels), generator=generator)[:count]]
    K, view = placed(frames.camera, row)
    size = (frames.camera.height, frames.camera.width)
    depth = torch.from_numpy(
        depth_around(projected(tracked, K, view).numpy(), size, float(K[0, 0]))
    )[pixels[:, 0], pixels[:, 1], None]
    sideways = (pixels.flip(1).float() + 0.5 - K[:2, 2]) / K[0, 0] * depth
    points = (torch.cat([sideways, depth], dim=1) - view[:3, 3]) @ view[:3, :3]
    return points, frames.image[row].cpu()[pixels[:, 0], pixels[:, 1]].float() / 255


def depth_around(
    points: Float[np.ndarray, "p 3"], size: tuple[int, int], focal: float
) -> Float[np.ndarray, "h w"]:
    """Depth of each pixel, metres: that of the nearest of some points (column, row, depth), and
    further back beside them."""
    height, width = size
    column, row = (
        points[:, 0].astype(int).clip(0, width - 1),
        points[:, 1].astype(int).clip(0, height - 1),
    )
    known = np.full(size, np.inf, np.float32)
    np.minimum.at(known, (row, column), points[:, 2])
    line, across = np.asarray(
        distance_transform_edt(np.isinf(known), return_distances=False, return_indices=True)
    )
    off = np.hypot(line - np.arange(height)[:, None], across - np.arange(width)).astype(np.float32)
    depth = known[line, across]
    return depth + np.clip(off * depth / focal - BETWEEN, 0, DEEPEST)


def inside(frames: FrameBatch, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """In what share of the frames points lie within the person: torso and neck may hide a point,
    what is behind the person can not."""
    person: Bool[Tensor, "b h w"] = ~frames.is_region(Region.BACKGROUND).cpu()
    height, width = person.shape[1:]
    found = []
    for row, mask in enumerate(person):
        column, line, _ = projected(points, *placed(frames.camera, row)).long().T
        found.append(mask[line.clamp(0, height - 1), column.clamp(0, width - 1)])
    return torch.stack(found).float().mean(0)


def placed(camera: Camera, row: int) -> tuple[Float[Tensor, "3 3"], Float[Tensor, "4 4"]]:
    """Intrinsics and pose of one camera of a batch, on the CPU."""
    return camera.Ks[row].cpu(), camera.viewmats[row].cpu()


def projected(
    points: Float[Tensor, "p 3"], K: Float[Tensor, "3 3"], view: Float[Tensor, "4 4"]
) -> Float[Tensor, "p 3"]:
    """Column and row in pixels, and depth in metres, of points of the head."""
    seen = points @ view[:3, :3].mT + view[:3, 3]
    return torch.cat([seen[:, :2] / seen[:, 2:] * K[0, 0] + K[:2, 2], seen[:, 2:]], dim=1)
