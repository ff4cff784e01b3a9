"""Train the bundled perceptual distance from videos of people: python
tools/train_perceptual_network.py VIDEOS... [--without NAME ...] [--test NAME ...] [-o FILE].

LPIPS is the teacher (`instag assets get lpips`). The network begins as a smaller LPIPS: of each
layer those channels that most of the others follow from. Then it learns LPIPS' distances and, above
all, their gradients with respect to the picture, of patches of frames beside spoiled ones. Videos
whose names begin with one of --test are kept for the measurement.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors.torch import save_file
from scipy.stats import pearsonr, spearmanr
from spoiled_pictures import pairs
from torch import Tensor
from torch.nn.functional import cosine_similarity, max_pool2d

from instag.ops import lpips
from instag.ops.lpips import LAYERS, Lpips
from instag.ops.perceptual import PerceptualDistance, perceptual_distance_from, stored_form

Frames = list[UInt8[np.ndarray, "h w 3"]]

TAUGHT = {64: 2_000, 40: 400, 96: 300}
TESTED = {64: 256, 40: 128, 96: 128}
"""Pairs of patches by their side in pixels."""
COURSE = (64, 64, 64, 40, 96)
BATCH = {64: 12, 40: 24, 96: 6}
FRAMES = 8
LARGE_SIDE, LARGE_TIMES = 400, 5
"""Patches of videos with a shorter side from here on count so often."""
FIRST_PAIRS = 96
"""Pairs from which the smaller LPIPS is computed."""
RATE, READOUT_RATE, BETAS = 2e-5, 1e-4, (0.9, 0.99)
WARM_UP_STEPS = 20
"""The network begins near its end: larger rates undo what it begins with."""
SAME = 2e-4
"""Distance below which the direction of the gradient is not taught."""
TINY = 1e-4
"""Added to distances before the logarithm."""
SIZE_WEIGHT, DISTANCE_WEIGHT, LAYER_WEIGHT = 0.15, 0.3, 0.06
"""Beside 1 for the gradient's direction."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Pairs of one size with LPIPS' answers: what each layer adds, and the gradient of their sum
    with respect to the spoiled picture, of unit length, and its length."""

    spoiled: Float[Tensor, "n s s 3"]
    true: Float[Tensor, "n s s 3"]
    distances: Float[Tensor, "n layers"]
    gradient: Float[Tensor, "n s s 3"]
    steepness: Float[Tensor, " n"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="+", help="videos, or folders of them")
    parser.add_argument("--without", nargs="*", default=[], help="beginnings of names to leave out")
    parser.add_argument("--test", nargs="*", default=[], help="beginnings of names to test on")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, CPU time")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--teacher", type=Path, default=lpips.find_weights())
    parser.add_argument(
        "--output", "-o", type=Path, default=Path("src/instag/bundled/perceptual.safetensors")
    )
    chosen = parser.parse_args()
    teacher = lpips.load(chosen.teacher).to(chosen.device)
    paths = [
        path
        for given in chosen.videos
        for path in (sorted(given.glob("*.mp4")) if given.is_dir() else [given])
        if not path.stem.startswith(tuple(chosen.without))
    ]
    kept = [path for path in paths if path.stem.startswith(tuple(chosen.test) or ("\0",))]
    taught = lessons(teacher, [path for path in paths if path not in kept], TAUGHT, seed=0)
    tested = lessons(teacher, kept, TESTED, seed=1) if kept else {}
    network = train(teacher, taught, 60 * chosen.minutes, seed=0)
    save_file(stored_form(network), str(chosen.output))
    print(f"{chosen.output}: {chosen.output.stat().st_size / 1e3:.0f} kB")
    network = perceptual_distance_from(stored_form(network)).to(chosen.device)
    for size, lesson in tested.items():
        print(f"{size} pixels, people left out: {agreement(network, lesson)}")


def lessons(
    teacher: Lpips, paths: Sequence[Path], counts: dict[int, int], *, seed: int
) -> dict[int, Lesson]:
    people = [frames for path in paths for frames in some_frames(path)]
    return {
        size: lesson(teacher, *pairs(people, size, count, seed)) for size, count in counts.items()
    }


def some_frames(path: Path) -> list[Frames]:
    """Frames at even distances, once or, of a large video, several times; of an upright video the
    square below its top tenth."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        every = max(1, stream.frames // FRAMES)
        shown = [
            frame.to_ndarray(format="rgb24")
            for number, frame in enumerate(container.decode(stream))
            if number % every == 0
        ]
    height, width = shown[0].shape[:2]
    if height > width:
        shown = [frame[height // 10 : height // 10 + width] for frame in shown]
    return [shown] * (LARGE_TIMES if min(height, width) >= LARGE_SIDE else 1)


def lesson(
    teacher: Lpips, spoiled: Float[np.ndarray, "n s s 3"], true: Float[np.ndarray, "n s s 3"]
) -> Lesson:
    device, found = teacher.mean.device, []
    pictures = [torch.from_numpy(each).to(device) for each in (spoiled, true)]
    for one, other in zip(*(each.split(16) for each in pictures), strict=True):
        picture = one.clone().requires_grad_()
        distances = by_layer(teacher, picture, other)
        (gradient,) = torch.autograd.grad(distances.sum(), picture)
        found.append((distances.detach(), gradient))
    distances, gradient = (torch.cat(each) for each in zip(*found, strict=True))
    steepness = gradient.flatten(1).norm(dim=1)
    return Lesson(
        spoiled=pictures[0],
        true=pictures[1],
        distances=distances,
        gradient=gradient / steepness.clamp_min(1e-12)[:, None, None, None],
        steepness=steepness,
    )


def by_layer(
    teacher: Lpips, picture: Float[Tensor, "b h w 3"], target: Float[Tensor, "b h w 3"]
) -> Float[Tensor, "b layers"]:
    """What each layer adds to LPIPS."""
    return torch.stack(
        [
            ((one - other).square() * getattr(teacher, f"linear{number}")[:, None, None])
            .sum(1)
            .mean((1, 2))
            for number, (one, other) in enumerate(
                zip(teacher.features(picture), teacher.features(target), strict=True)
            )
        ],
        dim=1,
    )


def train(
    teacher: Lpips, taught: dict[int, Lesson], seconds: float, *, seed: int
) -> PerceptualDistance:
    """seconds: of this process' time."""
    some = taught[COURSE[0]]
    network = smaller(teacher, torch.cat([some.spoiled[:FIRST_PAIRS], some.true[:FIRST_PAIRS]]))
    groups = ((network.layers, RATE), (network.readouts, READOUT_RATE))
    optimizer = torch.optim.Adam(
        [{"params": part.parameters(), "rate": rate} for part, rate in groups], betas=BETAS
    )
    generator = torch.Generator().manual_seed(seed)
    started, step, done, cosines = time.process_time(), 0, 0.0, []
    while done < 1:
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / WARM_UP_STEPS)
            group["lr"] = group["rate"] * warm * (0.51 + 0.49 * math.cos(math.pi * done))
        size = COURSE[step % len(COURSE)]
        rows = torch.randint(len(taught[size].true), (BATCH[size],), generator=generator)
        cost, cosine = compute_loss(network, taught[size], rows)
        optimizer.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        done = (time.process_time() - started) / seconds
        cosines.append(cosine)
        if step % 50 == 0:
            mean = np.mean(cosines[-50:])
            print(f"step {step}, {100 * done:.0f} %: gradients' cosine {mean:.3f}", flush=True)
    return network


def compute_loss(
    network: PerceptualDistance, taught: Lesson, rows: Int[Tensor, " b"]
) -> tuple[Float[Tensor, ""], float]:
    """The gradient's direction and size, the distance's logarithm and that of each layer; and the
    mean cosine of the gradients."""
    rows = rows.to(taught.true.device)
    distances, gradient = answer(network, taught.spoiled[rows], taught.true[rows], learn=True)
    wanted, counts = taught.distances[rows], taught.distances[rows].sum(1) > SAME
    relative = gradient / taught.steepness[rows].clamp_min(1e-7)[:, None, None, None]
    cosine = cosine_of(gradient, taught.gradient[rows])
    error = (relative - taught.gradient[rows]).flatten(1).square().sum(1).clamp(max=4)
    distance = _log_error(distances.sum(1), wanted.sum(1))
    layers = _log_error(distances, wanted).mean(1)
    cost = (
        1 - cosine + SIZE_WEIGHT * error + DISTANCE_WEIGHT * distance + LAYER_WEIGHT * layers
    ) * counts
    return cost.mean(), float(cosine.detach()[counts].mean())


def answer(
    network: PerceptualDistance,
    spoiled: Float[Tensor, "b s s 3"],
    true: Float[Tensor, "b s s 3"],
    *,
    learn: bool = False,
) -> tuple[Float[Tensor, "b layers"], Float[Tensor, "b s s 3"]]:
    """The distances, and the gradient of their sum with respect to the spoiled picture."""
    picture = spoiled.clone().requires_grad_()
    distances = network.by_layer(picture, true)
    (gradient,) = torch.autograd.grad(distances.sum(), picture, create_graph=learn)
    return distances, gradient


def cosine_of(
    one: Float[Tensor, "b s s 3"], other: Float[Tensor, "b s s 3"]
) -> Float[Tensor, " b"]:
    return cosine_similarity(one.flatten(1), other.flatten(1), dim=1, eps=1e-12)


def _log_error(found: Tensor, wanted: Tensor) -> Tensor:
    return ((found + TINY).log() - (wanted + TINY).log()).square()


def agreement(network: PerceptualDistance, tested: Lesson) -> str:
    """Correlations of the distances, and the cosine of the gradients."""
    found = [
        answer(network, one, other)
        for one, other in zip(tested.spoiled.split(16), tested.true.split(16), strict=True)
    ]
    distances, gradient = (torch.cat(each).detach() for each in zip(*found, strict=True))
    ours, theirs = distances.sum(1).cpu(), tested.distances.sum(1).cpu()
    cosine = cosine_of(gradient, tested.gradient).cpu()
    median, tenth = cosine.quantile(torch.tensor([0.5, 0.1])).tolist()
    return (
        f"Spearman {spearmanr(ours, theirs)[0]:.3f}, Pearson {pearsonr(ours, theirs)[0]:.3f}, "
        f"ours / theirs {(ours / theirs).median():.2f}, cosine of the gradients: mean "
        f"{cosine.mean():.3f}, median {median:.3f}, a tenth below {tenth:.3f}"
    )


@torch.no_grad()
def smaller(teacher: Lpips, pictures: Float[Tensor, "b s s 3"]) -> PerceptualDistance:
    """LPIPS with fewer channels. Those that are left out count as the linear function of the others
    that is nearest on `pictures`, of which the first half is compared with the second."""
    network = PerceptualDistance().to(pictures.device)
    hidden = ((pictures * 2 - 1 - teacher.mean) / teacher.deviation).permute(0, 3, 1, 2)
    others, rest = None, None
    for number, (index, stride, padding) in enumerate(LAYERS):
        weight, bias = getattr(teacher, f"weight{index}"), getattr(teacher, f"bias{index}")
        hidden = torch.relu(torch.nn.functional.conv2d(hidden, weight, bias, stride, padding))
        hidden = max_pool2d(hidden, 3, 2) if number < 2 else hidden
        mean, covariance = _moments(hidden)
        layer = network.layers[number]
        kept = most_telling(
            covariance, _importance(teacher, number, covariance), layer.out_channels
        )
        if others is not None and rest is not None:
            bias = bias + weight.sum((2, 3)) @ rest
            weight = torch.einsum("oihw,ij->ojhw", weight, others)
        layer.weight.copy_(weight[kept])
        layer.bias.copy_(bias[kept])
        others = _solve(covariance[kept][:, kept], covariance[kept], 1e-4).T
        rest = mean - others @ mean[kept]
    _fit_readouts(network, teacher, pictures)
    return network


def _moments(hidden: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the channels."""
    values = hidden.transpose(0, 1).flatten(1)
    mean = values.mean(1)
    centred = values - mean[:, None]
    return mean, centred @ centred.T / values.shape[1]


def _importance(
    teacher: Lpips, number: int, covariance: Float[Tensor, "c c"]
) -> Float[Tensor, " c"]:
    """Of each channel of a layer, for the next layer and for the distance alike."""
    shares = [getattr(teacher, f"linear{number}")]
    if number + 1 < len(LAYERS):
        following = getattr(teacher, f"weight{LAYERS[number + 1][0]}")
        shares.append(following.square().sum((0, 2, 3)))
    return torch.stack([share / (share * covariance.diag()).sum() for share in shares]).sum(0)


def most_telling(
    covariance: Float[Tensor, "c c"], importance: Float[Tensor, " c"], count: int
) -> Int[Tensor, " count"]:
    """Channels from which the others follow best, chosen one after the other."""
    left = importance.sqrt()[:, None] * covariance * importance.sqrt()
    least, chosen = 1e-9 * left.diag().max(), []
    for _ in range(count):
        gain = left.square().sum(0) / (left.diag() + 1e-12)
        gain[left.diag() < least] = -1
        gain[chosen] = -2
        best = int(gain.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[best]) / (left[best, best] + 1e-12)
    return torch.tensor(sorted(chosen), device=covariance.device)


def _fit_readouts(
    network: PerceptualDistance, teacher: Lpips, pictures: Float[Tensor, "b s s 3"]
) -> None:
    """Least squares from the network's features to LPIPS' weighted ones, whose main directions
    are the rows; scaled, so that each layer adds as much as LPIPS'."""
    ours, theirs = network.features(pictures), teacher.features(pictures)
    for number, readout in enumerate(network.readouts):
        weight = getattr(teacher, f"linear{number}").sqrt()[:, None, None]
        given, wanted = _and_differences(ours[number]), _and_differences(theirs[number] * weight)
        linear = _solve(given @ given.T, given @ wanted.T, 1e-3).T
        directions = torch.linalg.svd(linear @ linear.T)[0]
        readout.copy_(directions[:, : len(readout)].T @ linear)
    half = len(pictures) // 2
    pair = pictures[:half], pictures[half:]
    ratio = by_layer(teacher, *pair).mean(0) / network.by_layer(*pair).mean(0)
    for readout, factor in zip(network.readouts, ratio, strict=True):
        readout.mul_(factor.sqrt())


def _and_differences(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "c n"]:
    """Around their mean, and those of the first half less those of the second, twice."""
    values = features.transpose(0, 1).flatten(1)
    half = values.shape[1] // 2
    return torch.cat(
        [values - values.mean(1, keepdim=True), 2 * (values[:, :half] - values[:, half:])], dim=1
    )


def _solve(square: Float[Tensor, "c c"], right: Tensor, ridge: float) -> Tensor:
    return torch.linalg.solve(
        square + ridge * square.diag().mean() * torch.eye(len(square), device=square.device), right
    )


if __name__ == "__main__":
    main()
