"""The first Gaussians of a head: what some frames show, lifted to where skin and hair must be, in
its colours.

Skin lies as deep as the nearest tracked point; what lies beside the tracked points, hair and ears,
recedes. A point that other frames see beside the head is dropped. So hair begins as hair: a
schedule of minutes has hardly time to grow it from the face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from instag.data.clip_dataset import ClipDataset
from instag.models.gaussians import (
    Gaussians,
    gaussians_at,
    gaussians_behind,
    random_gaussians,
)
from instag.types import Region

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
LIP_LANDMARKS = (61, 291, 0, 17)
"""Corners, top and bottom of the outer lips among MediaPipe's points."""

Start = Literal["random", "frames"]
"""Where Gaussians begin: anywhere, as in the paper, or at what some frames show."""


def initial_gaussians(
    start: Start,
    dataset: ClipDataset,
    train: range,
    *,
    counts: tuple[int, int],
    degrees: tuple[int, int],
    generator: torch.Generator,
) -> tuple[Gaussians, Gaussians]:
    """The first Gaussians of the face and of the mouth, on the CPU. counts, degrees: of the face,
    of the mouth."""
    if start == "frames":
        lips = dataset.identity[list(LIP_LANDMARKS)]
        return (
            gaussians_from_frames(dataset, train, counts[0], degrees[0], generator),
            gaussians_behind(lips, counts[1], degrees[1], generator),
        )
    return (
        random_gaussians(counts[0], degrees[0], generator),
        random_gaussians(counts[1], degrees[1], generator, mouth=True),
    )


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame and its camera, on the host. alpha: of the head, of 255. K: pixels; pose: world to
    camera."""

    image: UInt8[np.ndarray, "h w 3"]
    regions: UInt8[np.ndarray, "h w"]
    alpha: UInt8[np.ndarray, "h w"]
    K: Float[Tensor, "3 3"]
    pose: Float[Tensor, "4 4"]


def gaussians_from_frames(
    dataset: ClipDataset, train: range, count: int, degree: int, generator: torch.Generator
) -> Gaussians:
    """`count` of them, or fewer where the frames show little of a head: then with the tracked
    points among them."""
    views = [view_of(dataset, index) for index in turned(dataset, train)]
    each = SPARE * count // len(views)
    pieces = [lifted(view, dataset.identity, each, generator) for view in views]
    points, colours = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    good = torch.nonzero(inside(views, points) >= SEEN_INSIDE)[:, 0]
    kept = good[torch.randperm(len(good), generator=generator)[:count]]
    points, colours = points[kept], colours[kept]
    if len(kept) < count * FEWEST:
        grey = torch.full_like(dataset.identity, 0.5)
        points, colours = torch.cat([dataset.identity, points]), torch.cat([grey, colours])
    return gaussians_at(points, degree, generator, colour=colours, opacity=OPACITY)


def view_of(dataset: ClipDataset, index: int) -> View:
    """One frame of a data set."""
    image, regions, _, alpha = dataset.frame(index)
    camera = dataset.camera(torch.tensor([index], device=dataset.device))
    return View(
        image=image,
        regions=regions,
        alpha=alpha,
        K=camera.Ks[0].cpu(),
        pose=camera.viewmats[0].cpu(),
    )


def turned(dataset: ClipDataset, train: range) -> list[int]:
    """Frames from the leftmost turn of the head to the rightmost, at even steps in their order."""
    order = dataset.viewmats[train.start : train.stop, 0, 2].argsort().cpu()
    return sorted(
        {train[int(order[at])] for at in torch.linspace(0, len(train) - 1, FRAMES).round().long()}
    )


def lifted(
    view: View, tracked: Float[Tensor, "p 3"], count: int, generator: torch.Generator
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Points of the head that a frame shows, metres, in the head's frame, and their colours in [0,
    1]; `count`, or all that there are."""
    head = np.isin(view.regions, (Region.FACE, Region.HAIR)) & (view.alpha >= OPAQUE)
    pixels = torch.nonzero(torch.from_numpy(head))
    pixels = pixels[torch.randperm(len(pixels), generator=generator)[:count]]
    tracked = projected(tracked, view.K, view.pose)
    height, width = head.shape
    known = depth_around(tracked.numpy(), (height, width), float(view.K[0, 0]))
    depth = torch.from_numpy(known)[pixels[:, 0], pixels[:, 1], None]
    sideways = (pixels.flip(1).float() + 0.5 - view.K[:2, 2]) / view.K[0, 0] * depth
    points = (torch.cat([sideways, depth], dim=1) - view.pose[:3, 3]) @ view.pose[:3, :3]
    return points, torch.from_numpy(view.image)[pixels[:, 0], pixels[:, 1]].float() / 255


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


def inside(views: Sequence[View], points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """In what share of the frames points lie within the person: torso and neck may hide a point,
    what is behind the person can not."""
    found = []
    for view in views:
        person = torch.from_numpy(view.regions != Region.BACKGROUND)
        height, width = person.shape
        column, line, _ = projected(points, view.K, view.pose).long().T
        found.append(person[line.clamp(0, height - 1), column.clamp(0, width - 1)])
    return torch.stack(found).float().mean(0)


def projected(
    points: Float[Tensor, "p 3"], K: Float[Tensor, "3 3"], view: Float[Tensor, "4 4"]
) -> Float[Tensor, "p 3"]:
    """Column and row in pixels, and depth in metres, of points of the head."""
    seen = points @ view[:3, :3].mT + view[:3, 3]
    return torch.cat([seen[:, :2] / seen[:, 2:] * K[0, 0] + K[:2, 2], seen[:, 2:]], dim=1)
