"""Held-out frames, rendered from their own speech, pose and expression."""

from collections.abc import Iterator, Sequence
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
from instag.speech.lips.audio_offset import shift_earlier
from instag.synthesis.front_end import front_end_for


@final
@dataclass(frozen=True, kw_only=True)
class FramePair:
    """A predicted and a true frame, RGB, of one size. index: the true frame's number."""

    index: int
    prediction: UInt8[np.ndarray, "h w 3"]
    truth: UInt8[np.ndarray, "h w 3"]


BATCH, GPU_BATCH = 4, 16
"""Frames rendered at once on a CPU and on a GPU."""


def held_back(avatar: Avatar) -> range:
    """The frames of its clip that the avatar was not trained on, as it records them; empty where it
    was trained on all."""
    first_and_end = avatar.info.training.get("test", [0, 0])
    assert isinstance(first_and_end, list), (
        "an avatar records its test frames as [first, one past the last]"
    )
    return range(*first_and_end)


def check_same_recording(avatar: Avatar, clip: Clip, frames: range) -> None:
    """Raises BadArgument where the clip is of another video than the avatar, or lacks some of the
    frames."""
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
    avatar: Avatar, clip: Clip, frames: Sequence[int], *, device: torch.device | str = "cpu"
) -> Iterator[FramePair]:
    """Render frames of the avatar's own clip on a device, with each frame's own torso and backdrop
    (docs/method.md#a-frame)."""
    device = torch.device(device)
    # Lip codes come from the sound, not from the observed lips: held-out frames are a test of how
    # well the sound predicts them.
    spoken = (
        None
        if avatar.speaker_adapter is None
        else features(
            shift_earlier(torch.from_numpy(clip.speech()), float(avatar.speaker_adapter["late"])),
            front_end_for(avatar),
        )[: len(clip)]
    )
    conditioning = (
        clip_features(clip, avatar.info.front_end, device=str(device)) if spoken is None else spoken
    )
    dataset = ClipDataset(
        clip, clip.tables(), size=avatar.info.size, features=conditioning, device=device
    )
    renderer, head = renderer_for(device), avatar.to(device).head
    static = static_features(head)
    for indices in torch.tensor(list(frames)).split(BATCH if device.type == "cpu" else GPU_BATCH):
        batch = dataset.batch(indices.tolist())
        pictures = render_head(
            head,
            static,
            batch.condition,
            batch.camera,
            batch.background.float() / 255,
            renderer,
            degree=avatar.info.degree,
        )
        predictions = pictures.mul(255).round_().clamp_(0, 255).byte().cpu().numpy()
        for index, picture, truth in zip(
            indices.tolist(), predictions, batch.image.cpu().numpy(), strict=True
        ):
            yield FramePair(index=index, prediction=picture, truth=truth)


def regions_at(clip: Clip, size: int, index: int) -> UInt8[np.ndarray, "h w"]:
    """Region numbers of a frame at the avatar's size."""
    regions = clip.regions(index)
    return (
        regions
        if len(regions) == size
        else cv2.resize(regions, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    )


def matte_at(clip: Clip, size: int, index: int) -> UInt8[np.ndarray, "h w"]:
    """The person's share of each pixel of a frame at the avatar's size."""
    matte = clip.matte(index)
    return (
        matte
        if len(matte) == size
        else cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    )
