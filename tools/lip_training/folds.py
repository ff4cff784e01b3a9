"""Folds by person: networks that never saw somebody mend the delay of that person's sound, and
measure how well voices move anybody's lips."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.lips.audio_offset import best_offset
from instag.speech.lips.network import CODES, CURVES, LipNet
from instag.types import FPS
from lip_training.basis import Basis, code_of
from lip_training.lessons import Learned
from lip_training.people import Observed
from lip_training.scores import Score, predicted, score
from lip_training.training import Recipe, train

FOLDS = 4


def folds_of(people: Sequence[Observed]) -> dict[str, int]:
    """The fold that leaves each clip out. A person's clips lie in the same, and each fold has
    people who speak long and short."""
    frames: dict[str, int] = {}
    for each in people:
        frames[each.person] = frames.get(each.person, 0) + len(each)
    order = sorted(frames, key=lambda person: (-frames[person], person))
    return {each.name: order.index(each.person) % FOLDS for each in people}


def fold_networks(
    people: Sequence[Learned], folds: dict[str, int], recipe: Recipe, *, nets: int, seed: int
) -> list[list[LipNet]]:
    """Of each fold, networks that learned from all others."""
    return [
        [
            train([one for one in people if folds[one.name] != fold], recipe, seed=seed + fold + n)
            for n in range(0, nets * FOLDS, FOLDS)
        ]
        for fold in range(FOLDS)
    ]


def mend_delays(
    people: Sequence[Learned], folds: dict[str, int], networks: Sequence[Sequence[LipNet]]
) -> None:
    """Correct each clip's lag where those that never saw its person are sure. The median stays: it
    is the networks' own zero."""
    found = {}
    for each in people:
        curves = predicted(networks[folds[each.name]], each)[:, :CURVES].numpy()
        delay = best_offset(curves, each.observed.curves.numpy())
        found[each.name] = float(delay.ms) * FPS / 1000 if delay is not None and delay.sure else 0.0
    middle = float(np.median(list(found.values())))
    for each in people:
        each.lag += found[each.name] - middle


def left_out_scores(
    people: Sequence[Learned],
    folds: dict[str, int],
    networks: Sequence[Sequence[LipNet]],
    basis: Basis,
) -> list[Score]:
    """Of each clip, by networks that never saw its person."""
    size, middle = people_sizes([each.observed for each in people], basis)
    return [score(networks[folds[each.name]], each, basis, size, middle) for each in people]


def people_sizes(people: Sequence[Observed], basis: Basis) -> tuple[float, Float[Tensor, " k"]]:
    """The mean deviation of codes within a clip, and the mean code."""
    codes = [code_of(each, basis) for each in people]
    sizes = [float(((code - code.mean(0)).square().sum(1).mean() / CODES).sqrt()) for code in codes]
    return float(np.mean(sizes)), torch.stack([code.mean(0) for code in codes]).mean(0)
