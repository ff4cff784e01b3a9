"""The frames that a head was not taught on, painted from their own speech, pose and expression, and compared with the truth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8

from instag.clip import Clip
from instag.data.frames import FrameStore
from instag.evaluation.image import psnr, structural_similarity
from instag.models.avatar import Avatar
from instag.portrait import paint, stance
from instag.progress import Report, silent
from instag.rendering.backends import renderer_for

BATCH = 4


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A painted frame, and the true one, RGB."""

    index: int
    painted: UInt8[np.ndarray, "h w 3"]
    truth: UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Means over the held-out frames, whole picture. psnr in dB."""

    frames: int
    size: int
    psnr: float
    ssim: float


@torch.no_grad()
def reconstruct(avatar: Avatar, clip: Clip, frames: range) -> Iterator[Pair]:
    """Paint frames of the clip that the avatar was learned from; torso and backdrop are the frames' own (METHOD 4)."""
    store = FrameStore(clip, size=avatar.info.size, front_end=avatar.info.front_end)
    renderer = renderer_for("cpu")
    head_stance = stance(avatar.head)
    for start in range(frames.start, frames.stop, BATCH):
        batch = store.batch(list(range(start, min(start + BATCH, frames.stop))))
        pictures = paint(avatar.head, head_stance, batch.condition, batch.camera, batch.behind.float() / 255, renderer, degree=avatar.info.degree)
        painted = pictures.mul(255).round_().clamp_(0, 255).byte().numpy()
        for index, picture, truth in zip(batch.indices.tolist(), painted, batch.image.numpy(), strict=True):
            yield Pair(index=index, painted=picture, truth=truth)


def measure(avatar: Avatar, clip: Clip, frames: range, report: Report = silent) -> HeldOut | None:
    """Compare the painted frames with the true ones; None where nothing was held out."""
    if len(frames) == 0:
        return None
    decibels, likeness = [], []
    for done, pair in enumerate(reconstruct(avatar, clip, frames), start=1):
        picture, truth = (torch.from_numpy(image)[None].float() / 255 for image in (pair.painted, pair.truth))
        decibels += psnr(picture, truth)
        likeness += structural_similarity(picture, truth)
        report(done, len(frames))
    return HeldOut(frames=len(frames), size=avatar.info.size, psnr=float(np.mean(decibels)), ssim=float(np.mean(likeness)))
