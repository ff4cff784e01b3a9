"""Training of one lip network."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from instag.speech.lips.network import CODES, CURVES, LipNet
from lip_training.last_layer import with_solved_head
from lip_training.lessons import Crops, Learned, drawn_live, drawn_whole, shares_of
from lip_training.matrix_net import matrix_outputs
from lip_training.sounds import Draw

CURVE_WEIGHTS = (3.0, 1.0, 2.0)
CORRELATION_WEIGHT, VOICE_WEIGHT = 0.5, 0.1
RESTING_WEIGHT = 0.3


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """whole, live: crops in each step. average: of the weights, over steps. solved: whether the
    last layer is, over all lessons."""

    steps: int = 600
    whole: int = 16
    live: int = 96
    width: int = 128
    rate: float = 3e-3
    decay: float = 0.1
    dropout: float = 0.3
    average: float = 0.985
    live_weight: float = 2.0
    solved: bool = True


DELAYS_RECIPE = Recipe(steps=300, live=0, solved=False)
"""Of networks that only find delays of recordings."""


def train(people: Sequence[Learned], recipe: Recipe, *, seed: int) -> LipNet:
    """Steps on drawn crops; then, by the recipe, the last layer is solved over all lessons."""
    torch.manual_seed(seed)
    draw = Draw(torch.Generator().manual_seed(seed))
    components = len(people[0].variants[0].whole)
    net = LipNet(
        components=components,
        width=recipe.width,
        outputs=CURVES + CODES + 1,
        dropout=recipe.dropout,
    ).train()
    averaged, shares = copy.deepcopy(net), shares_of(people)
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98)
    )
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.steps, pct_start=0.15
    )
    for step in range(recipe.steps):
        whole = drawn_whole(people, shares, recipe.whole, draw)
        loss = loss_of(matrix_outputs(net, whole.inputs), whole)
        if recipe.live:
            live = drawn_live(people, shares, recipe.live, draw)
            predicted = matrix_outputs(net, live.inputs)
            loss = loss + recipe.live_weight * loss_of(predicted, live, together=True)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        rates.step()
        _average(averaged, net, min(recipe.average, (1 + step) / (10 + step)))
    averaged.dropout = 0.0
    averaged.eval()
    return with_solved_head(averaged, people) if recipe.solved else averaged


def loss_of(predicted: Float[Tensor, "b 16 f"], crops: Crops, *, together: bool = False) -> Tensor:
    """Huber's, where lips rest by a lesson with RESTING_WEIGHT; one minus the correlation of what
    was seen, within each crop or within all crops together; and the voice's cross-entropy."""
    motion, target = predicted[:, :-1], crops.target[:, :-1]
    weights = torch.tensor([*CURVE_WEIGHTS, *[1.0] * CODES])
    weights = weights / weights.sum()
    count, seen = crops.known.sum(), crops.seen.expand(-1, motion.shape[1], -1)
    counted = crops.seen + RESTING_WEIGHT * (crops.known - crops.seen)
    errors = smooth_l1_loss(motion, target, reduction="none") * counted
    huber = (errors.sum((0, 2)) * weights).sum() / counted.sum()
    if together:
        motion, target, seen = (
            part.transpose(0, 1).flatten(1)[None] for part in (motion, target, seen)
        )
    correlated = ((1 - correlation(motion, target, seen)) * weights).sum(-1)
    # a crop in rest has nothing to correlate
    share = (seen[:, 0].sum(-1) > 0).float()
    voice = binary_cross_entropy_with_logits(
        predicted[:, -1:], crops.target[:, -1:], weight=crops.known, reduction="sum"
    )
    return (
        huber
        + CORRELATION_WEIGHT * (correlated * share).sum() / share.sum().clamp(min=1)
        + VOICE_WEIGHT * voice / count
    )


def correlation(
    one: Float[Tensor, "b c f"], other: Float[Tensor, "b c f"], known: Float[Tensor, "b c f"]
) -> Float[Tensor, "b c"]:
    count = known.sum(-1).clamp(min=1)

    def centered(values: Float[Tensor, "b c f"]) -> Float[Tensor, "b c f"]:
        return (values - ((values * known).sum(-1) / count)[..., None]) * known

    one, other = centered(one), centered(other)
    spread = one.square().sum(-1) * other.square().sum(-1) + 1e-3 * count**2
    return (one * other).sum(-1) / spread.sqrt()


@torch.no_grad()
def _average(slow: nn.Module, fast: nn.Module, kept: float) -> None:
    for mean, value in zip(slow.parameters(), fast.parameters(), strict=True):
        mean.lerp_(value, 1 - kept)
