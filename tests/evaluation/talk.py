"""A small synthetic speaker, ways to spoil the pictures of it, and what the evaluation says of
them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from instag.data.clip import Clip
from instag.evaluation.evaluate import Evaluation
from instag.evaluation.held_out import FramePair
from instag.evaluation.measure import Measurement, measure
from instag.evaluation.metric_rows import rows_of
from instag.evaluation.metrics_table import Metrics
from instag.evaluation.not_measured import NotMeasured
from instag.models.avatar import Avatar
from instag.models.avatar_info import AvatarInfo
from instag.models.avatar_pictures import encode_torso
from instag.models.gaussians import random_gaussians
from instag.models.head import new_head
from instag.synthetic import Speaker, perform, recording
from instag.synthetic.performance import Performance, spoken
from instag.types import Conditioning
from shared_files import copied_clip

FRAMES, SIZE = 40, 128
_HOME = tempfile.TemporaryDirectory()
NO_SYNCNET = NotMeasured("SyncNet's weights are not on this machine: instag assets get syncnet")


@dataclass(frozen=True, kw_only=True)
class Take:
    """What was filmed."""

    performance: Performance
    pictures: list[np.ndarray]
    regions: list[np.ndarray]
    speech: np.ndarray


@cache
def take() -> Take:
    performance = perform(Speaker(0, size=SIZE), recording(), seconds=FRAMES / 25, size=SIZE)
    shown = [performance.frame(index) for index in range(FRAMES)]
    pictures = [picture for picture, _ in shown]
    return Take(
        performance=performance,
        pictures=pictures,
        regions=[truth.regions for _, truth in shown],
        speech=spoken(performance),
    )


def judged(prediction: Sequence[np.ndarray], **settings) -> Measurement:
    """Pictures in place of the true ones."""
    pairs = [
        FramePair(index=index, prediction=picture, truth=truth)
        for index, (picture, truth) in enumerate(zip(prediction, take().pictures, strict=True))
    ]
    return measure(
        pairs,
        **{
            "regions": lambda index: take().regions[index],
            "speech": take().speech,
            "syncnet": NO_SYNCNET,
            **settings,
        },
    )


@cache
def perfect() -> Measurement:
    return judged(take().pictures)


@cache
def faceless() -> Measurement:
    """Ten grey pictures with a little noise, and no sound."""
    noise = np.random.default_rng(0).integers(100, 140, (2, 10, 40, 48, 3), np.uint8)
    pairs = [
        FramePair(index=index, prediction=prediction, truth=truth)
        for index, (prediction, truth) in enumerate(zip(*noise, strict=True))
    ]
    return measure(pairs, speech=NotMeasured("there is no sound"), syncnet=NO_SYNCNET)


def mute() -> list[np.ndarray]:
    """The same head with lips that never move."""
    performance = take().performance
    shut = [
        replace(
            one, jaw=0.0, spread=0.0, rounding=0.0, press=0.0, upper_raise=0.0, tuck=0.0, tongue=0.0
        )
        for one in performance.expressions
    ]
    return list(replace(performance, expressions=shut).pictures())


def numbers(measured: Measurement) -> dict[str, float]:
    """Rows that have a number, by key."""
    return {
        row.key: row.value for row in rows_of(measured) if not isinstance(row.value, NotMeasured)
    }


def evaluation(measured: Measurement, **about: str) -> Evaluation:
    texts = {
        "prediction": "me.avatar",
        "truth": "me.mp4, frames 0 to 49",
        "frames": str(measured.frames),
        "size": "128x128",
        "machine": "a machine",
    } | about
    return Evaluation(measured=measured, metrics=Metrics(about=texts, rows=rows_of(measured)))


@cache
def unlearned() -> tuple[Path, Path]:
    """An avatar of random Gaussians in place of one that was learned from the first 8 frames of a
    clip, and that clip of 20; both of 64 x 64 pixels.

    Made once for all tests, which must not change them.
    """
    folder = Path(_HOME.name)
    clip = copied_clip(folder / "me.clip", frames=20)
    avatar_of(clip, taught=8).save(folder / "me.avatar")
    return folder / "me.avatar", clip.folder


def avatar_of(clip: Clip, *, taught: int) -> Avatar:
    assert clip.info.focal is not None
    random = torch.Generator().manual_seed(0)
    info = AvatarInfo(
        made_by="instag test",
        source=clip.info.source,
        recipe="draft",
        front_end="mel",
        conditioning=Conditioning(kind="audio", channels=80, steps=16),
        size=clip.info.width,
        focal=clip.info.focal,
        fps=25,
        degree=1,
        frames=2,
        splats={"face": 50, "mouth": 20},
        training={
            "seed": 0,
            "seconds": {"face": 1.5, "mouth": 0.5},
            "test": [taught, len(clip)],
            "lpips": False,
        },
    )
    ahead = torch.eye(4)
    ahead[:3, :3] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    ahead[2, 3] = 0.8
    return Avatar(
        info=info,
        head=new_head(
            face=random_gaussians(50, 1, random),
            mouth=random_gaussians(20, 1, random, mouth=True),
            conditioning=Conditioning(kind="audio", channels=80, steps=16),
        ),
        viewmats=ahead.repeat(2, 1, 1),
        expression=torch.zeros(2, 6),
        torso_files=[encode_torso(clip.torso(index)) for index in range(2)],
        backdrop=clip.backdrop(),
    )
