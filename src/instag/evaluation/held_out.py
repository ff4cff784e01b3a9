"""The frames that a head was not taught on, painted from their own speech, pose and expression."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.speech_features import clip_features
from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.models.render_head import render_head, static_features
from instag.rendering.registry import renderer_for
from instag.speech.chunking import features
from instag.speech.lips.front_end import shift_earlier
from instag.synthesis.front_end import front_end_for


@final
@dataclass(frozen=True, kw_only=True)
class FramePair:
    """Both RGB and of one size. index: the true frame's number."""

    index: int
    painted: UInt8[np.ndarray, "h w 3"]
    truth: UInt8[np.ndarray, "h w 3"]


BATCH, GPU_BATCH = 4, 16
"""Frames painted at once on a CPU and on a GPU."""


def held_back(avatar: Avatar) -> range:
    """The frames of its clip that the avatar's own record says it was not taught; empty where it
    learned from all."""
    kept = avatar.info.training["test"]
    assert isinstance(kept, list), "an avatar records its test frames as [first, one past the last]"
    return range(*kept)


def check_same_recording(avatar: Avatar, clip: Clip, frames: range) -> None:
    """Raises BadArgument where the clip shows another video than the avatar learned from, or has
    not all of the frames."""
    if avatar.info.source != clip.info.source:
        raise BadArgument(
            f"The avatar was learned from {avatar.info.source} and {clip.folder} is of "
            f"{clip.info.source}. Give the clip of the same video."
        )
    if len(frames) and not 0 <= frames.start < frames.stop <= len(clip):
        raise BadArgument(
            f"Frames {frames.start} to {frames.stop - 1} are not all in {clip.folder}, which has "
            f"{len(clip)}. Choose others with --frames."
        )


@torch.no_grad()
def reconstruct(
    avatar: Avatar, clip: Clip, frames: range, *, device: torch.device | str = "cpu"
) -> Iterator[FramePair]:
    """Paint frames of the clip that the avatar was learned from, on a device; torso and backdrop
    are the frames' own (docs/method.md#a-frame)."""
    device = torch.device(device)
    # Codes are those that the sound asks for, never those that were seen: frames that were not
    # taught are to be painted from their sound.
    spoken = (
        None
        if avatar.speaker_adapter is None
        else features(
            shift_earlier(torch.from_numpy(clip.speech()), float(avatar.speaker_adapter["late"])),
            front_end_for(avatar),
        )[: len(clip)]
    )
    found = (
        clip_features(clip, avatar.info.front_end, device=str(device)) if spoken is None else spoken
    )
    dataset = ClipDataset(clip, clip.tables(), size=avatar.info.size, features=found, device=device)
    renderer, head = renderer_for(device), avatar.to(device).head
    head_stance = static_features(head)
    for indices in torch.arange(frames.start, frames.stop).split(
        BATCH if device.type == "cpu" else GPU_BATCH
    ):
        batch = dataset.batch(indices.tolist())
        pictures = render_head(
            head,
            head_stance,
            batch.condition,
            batch.camera,
            batch.background.float() / 255,
            renderer,
            degree=avatar.info.degree,
        )
        painted = pictures.mul(255).round_().clamp_(0, 255).byte().cpu().numpy()
        for index, picture, truth in zip(
            indices.tolist(), painted, batch.image.cpu().numpy(), strict=True
        ):
            yield FramePair(index=index, painted=picture, truth=truth)


def regions_at(clip: Clip, size: int, index: int) -> UInt8[np.ndarray, "h w"]:
    """Region numbers of a frame at the avatar's size."""
    regions = clip.regions(index)
    return (
        regions
        if len(regions) == size
        else cv2.resize(regions, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    )
