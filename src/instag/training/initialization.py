"""The first Gaussians of a head: what some frames show, lifted to where skin and hair must be, in
its colours.

Skin lies as deep as the nearest tracked point; what lies beside the tracked points, hair and ears,
recedes as a sweep of depths over the frames finds it (`data.depth_sweep`). A point that other
frames see beside the head is dropped. So hair begins as hair: a schedule of minutes has hardly time
to grow it from the face.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.clip_dataset import ClipDataset
from instag.data.depth_sweep import DepthProfile, depth_profile
from instag.data.head_view import (
    SEEN_INSIDE,
    HeadView,
    head_pixels_of,
    nearest_points,
    share_inside,
)
from instag.models.gaussians import (
    Gaussians,
    gaussians_at,
    gaussians_behind,
    random_gaussians,
)

FRAMES = 8
"""Frames that are lifted, from the leftmost turn of the head to the rightmost; all of them check
each other's points."""
SPARE = 2
"""Points that are drawn for each one that is wanted."""
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


def gaussians_from_frames(
    dataset: ClipDataset, train: range, count: int, degree: int, generator: torch.Generator
) -> Gaussians:
    """`count` of them, or fewer where the frames show little of a head: then with the tracked
    points among them."""
    views = [view_of(dataset, index) for index in turned(dataset, train)]
    profile = depth_profile(views, head_pixels_of(views, dataset.identity), generator)
    each = SPARE * count // len(views)
    pieces = [lifted(view, dataset.identity, profile, each, generator) for view in views]
    points, colors = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    good = torch.nonzero(share_inside(views, points) >= SEEN_INSIDE)[:, 0]
    kept = good[torch.randperm(len(good), generator=generator)[:count]]
    points, colors = points[kept], colors[kept]
    if len(kept) < count * FEWEST:
        grey = torch.full_like(dataset.identity, 0.5)
        points, colors = torch.cat([dataset.identity, points]), torch.cat([grey, colors])
    return gaussians_at(points, degree, generator, color=colors, opacity=OPACITY)


def view_of(dataset: ClipDataset, index: int) -> HeadView:
    """One frame of a data set."""
    image, regions, _, alpha = dataset.frame(index)
    camera = dataset.camera(torch.tensor([index], device=dataset.device))
    return HeadView(
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
    view: HeadView,
    tracked: Float[Tensor, "p 3"],
    profile: DepthProfile,
    count: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Points of the head that a frame shows, metres, in the head's frame, and their colours in [0,
    1]; `count`, or all that there are."""
    pixels = view.head_pixels()
    pixels = pixels[torch.randperm(len(pixels), generator=generator)[:count]]
    nearest = nearest_points(view, tracked, pixels)
    points = view.lift(pixels, nearest.depth + profile(nearest.away, nearest.angle))
    return points, torch.from_numpy(view.image)[pixels[:, 0], pixels[:, 1]].float() / 255
