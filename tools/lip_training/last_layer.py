"""The last layer of a trained lip network, solved anew by ridge regression over all lessons.

A few hundred steps on crops leave it short of the least squared error over people, and the hidden
features need no more steps.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.lips.network import CODES, CURVES, MARGIN_FRAMES, LipNet
from lip_training.lessons import (
    LIVE_TAUGHT,
    Learned,
    Variant,
    last_heard,
    live_inputs,
    shares_of,
    taught,
    whole_inputs,
)

PENALTY = 0.1
"""On a weight, in the variance of its hidden feature over all frames."""
RESTING_WEIGHT = 0.1
"""Of frames in which lips rest by a lesson: with less they rest less, with more they follow the
voice less."""
OUTPUTS = CURVES + CODES


@final
@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some frames: hidden features, what is taught there, and how much it counts."""

    hidden: Float[Tensor, "f n"]
    target: Float[Tensor, "f outputs"]
    weight: Float[Tensor, " f"]


@torch.no_grad()
def with_solved_head(net: LipNet, people: Sequence[Learned]) -> LipNet:
    """The network with another last layer; its logit of a voice's presence stays. People count by
    the root of their seconds, a frame that is heard live as one of a file."""
    size = net.head.in_channels + 1
    gram, right = torch.zeros(size, size).double(), torch.zeros(size, OUTPUTS).double()
    for person, share in zip(people, shares_of(people).tolist(), strict=True):
        for rows in lesson_rows(net, person):
            ones = torch.ones(len(rows.hidden), 1)
            given = torch.cat([rows.hidden, ones], dim=1).double()
            weighted = given * (rows.weight * share / len(person))[:, None]
            gram += weighted.T @ given
            right += weighted.T @ rows.target.double()
    return with_head(net, ridge(gram, right).float())


def ridge(gram: Float[Tensor, "m m"], right: Float[Tensor, "m k"]) -> Float[Tensor, "m k"]:
    """Weights, and the bias in the last row. gram: moments of features and a 1."""
    count = gram[-1, -1]
    variance = gram.diag()[:-1] / count - (gram[:-1, -1] / count).square()
    penalty = torch.cat([PENALTY * count * variance, variance.new_zeros(1)])
    return torch.linalg.solve(gram + penalty.diag(), right)


def with_head(net: LipNet, solved: Float[Tensor, "m outputs"]) -> LipNet:
    """A copy whose curves and codes are read so. solved: weights, and the bias in the last row."""
    changed = copy.deepcopy(net)
    assert changed.head.bias is not None
    changed.head.weight[:OUTPUTS, :, 0] = solved[:-1].T
    changed.head.bias[:OUTPUTS] = solved[-1]
    return changed


def lesson_rows(net: LipNet, person: Learned) -> Iterator[Rows]:
    """Of each variant: the whole recording, then the last LIVE_TAUGHT frames of all live
    windows."""
    for variant in person.variants:
        frames, margin = len(person), MARGIN_FRAMES
        inputs = whole_inputs(person, variant, -margin, frames + 2 * margin)
        yield _rows(net, inputs[None], person, variant, torch.arange(frames)[None].float())
        if len(variant.live):
            yield _live_rows(net, person, variant)


def _live_rows(net: LipNet, person: Learned, variant: Variant) -> Rows:
    windows = range(len(variant.live))
    starts = [last_heard(person, variant, window) - (LIVE_TAUGHT - 1) for window in windows]
    length = LIVE_TAUGHT + 2 * MARGIN_FRAMES
    inputs = torch.stack(
        [
            live_inputs(person, variant, window, start - MARGIN_FRAMES, length)
            for window, start in zip(windows, starts, strict=True)
        ]
    )
    places = torch.tensor(starts)[:, None] + torch.arange(LIVE_TAUGHT)
    return _rows(net, inputs, person, variant, places)


def _rows(
    net: LipNet,
    inputs: Float[Tensor, "b c steps"],
    person: Learned,
    variant: Variant,
    places: Float[Tensor, "b f"],
) -> Rows:
    """Of the frames at `places`; the inputs begin and end MARGIN_FRAMES beyond them."""
    hidden = net.hidden(inputs)[..., MARGIN_FRAMES : MARGIN_FRAMES + places.shape[1]]
    target, known, seen = taught(person, variant, places.flatten())
    return Rows(
        hidden=hidden.mT.flatten(0, 1),
        target=target[:OUTPUTS].T,
        weight=seen + RESTING_WEIGHT * (known - seen),
    )
