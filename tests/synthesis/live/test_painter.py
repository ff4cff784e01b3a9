"""The painter: a batch of several heads is, picture by picture, what each is alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.synthesis.live.motion import Moment
from instag.synthesis.live.painter import Drawn, LiveHead, LivePainter, PlannedFrame
from instag.types import LIP_CODES
from models.baking import EARLIER, baked, earlier
from pretended import pretended_gpu

CPU = torch.device("cpu")


def thinner() -> Avatar:
    """A head of fewer Gaussians, in other poses and light."""
    avatar = Avatar.open(EARLIER)
    for part in (avatar.head.face, avatar.head.mouth):
        for name, table in part.gaussians.tables().items():
            setattr(part.gaussians, name, nn.Parameter(table[::2].clone(), requires_grad=False))
    return replace(avatar, backdrop=255 - avatar.backdrop, viewmats=avatar.viewmats.flip(0))


def planned(number: int) -> PlannedFrame:
    generator = torch.Generator().manual_seed(number)
    return PlannedFrame(
        number=number,
        code=0.3 * torch.randn(LIP_CODES, generator=generator),
        moment=Moment(place=1.7 * number, number=number),
    )


def crowd(heads: list[LiveHead]) -> list[Drawn]:
    """Frames of the heads in turn."""
    return [(heads[number % len(heads)], planned(number)) for number in range(2 * len(heads) + 1)]


def alone(painter: LivePainter, frames: list[Drawn]) -> np.ndarray:
    return np.stack([painter.paint([drawn])[0] for drawn in frames])


def test_heads_painted_together_are_those_painted_alone():
    painter, heads = LivePainter(CPU), [LiveHead(avatar, CPU) for avatar in (earlier(), thinner())]
    frames = crowd(heads)
    pictures = np.stack(painter.paint(frames))
    np.testing.assert_array_equal(pictures, alone(painter, frames))
    assert len({picture.tobytes() for picture in pictures}) == len(frames)


def test_baked_heads_too_and_other_sizes_beside_them():
    kept = replace(earlier(), baked=baked())
    avatars = (kept, earlier(), scaled(kept, 96), replace(kept, viewmats=kept.viewmats.flip(0)))
    painter, heads = LivePainter(CPU), [LiveHead(avatar, CPU) for avatar in avatars]
    frames = crowd(heads)
    pictures = painter.paint(frames)
    assert [len(picture) for picture in pictures[:4]] == [64, 64, 96, 64]
    for picture, drawn in zip(pictures, frames, strict=True):
        apart = picture.astype(int) - painter.paint([drawn])[0]
        assert np.abs(apart).max() <= 1


def test_more_frames_than_a_batch_holds_are_painted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("instag.synthesis.live.painter.MOST_AT_ONCE", 2)
    painter, head = LivePainter(CPU), LiveHead(earlier(), CPU)
    frames = crowd([head, LiveHead(thinner(), CPU)])
    np.testing.assert_array_equal(np.stack(painter.paint(frames)), alone(painter, frames))


def test_a_gpu_is_waited_for_only_when_pictures_come(monkeypatch: pytest.MonkeyPatch):
    avatars = (replace(earlier(), baked=baked()), thinner())
    with pretended_gpu(monkeypatch) as gpu:
        device = torch.device("cuda", 0)
        painter, heads = LivePainter(device), [LiveHead(avatar, device) for avatar in avatars]
        frames = crowd(heads)
        for head in heads:
            head.prepare(len(frames))
        painter.paint(frames)
        gpu.waits.clear()
        pictures = painter.paint(frames)
    assert not gpu.waits
    assert len(pictures) == len(frames)
    for head in heads:
        head.close()
