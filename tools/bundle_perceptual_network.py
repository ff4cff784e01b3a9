"""Make `src/instag/bundled/perceptual.safetensors`, a smaller LPIPS, with videos of people: python
tools/bundle_perceptual_network.py VIDEOS... [--without NAME ...] [--test NAME ...] [-o FILE].

LPIPS (`instag assets get lpips`) loses channels: those are kept from which the others follow best
on patches of frames beside spoiled ones. Videos whose names begin with one of --test are kept for
the measurement: how far distances agree, and gradients with respect to the picture.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors.torch import save_file
from scipy.stats import pearsonr, spearmanr
from spoiled_pictures import pairs
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, max_pool2d

from instag.ops import lpips
from instag.ops.lpips import LAYERS, Lpips
from instag.ops.perceptual import PerceptualDistance, perceptual_distance_from, stored_form

Frames = list[UInt8[np.ndarray, "h w 3"]]

SIDE, PAIRS = 96, 192
"""Patches on which LPIPS is made smaller, in pixels, and their number."""
TESTED = {64: 256, 40: 128, 96: 128}
"""Pairs of patches that are tested, by their side in pixels."""
FRAMES = 8
"""Of each video."""
LARGE_SIDE, LARGE_TIMES = 400, 5
"""Patches of videos with a shorter side from here on count so often."""
FAINT = 1e-12
"""Keeps quotients of nothing finite."""


@dataclass(frozen=True)
class Answers:
    """Pairs of one size with LPIPS' answers: distances, and their gradient with respect to the
    spoiled picture."""

    spoiled: Float[Tensor, "n s s 3"]
    true: Float[Tensor, "n s s 3"]
    distances: Float[Tensor, " n"]
    gradient: Float[Tensor, "n s s 3"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="+", help="videos, or folders of them")
    parser.add_argument("--without", nargs="*", default=[], help="beginnings of names to leave out")
    parser.add_argument("--test", nargs="*", default=[], help="beginnings of names to test on")
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
    kept = [path for path in paths if path.stem.startswith(tuple(chosen.test))]
    rest = [frames for path in paths if path not in kept for frames in some_frames(path)]
    pictures = torch.from_numpy(np.concatenate(pairs(rest, SIDE, PAIRS, seed=0)))
    stored = stored_form(smaller(teacher, pictures.to(chosen.device)))
    save_file(stored, str(chosen.output))
    print(f"{chosen.output}: {chosen.output.stat().st_size / 1e3:.0f} kB")
    network = perceptual_distance_from(stored).to(chosen.device)
    tested = [frames for path in kept for frames in some_frames(path)]
    for size, count in TESTED.items() if tested else ():
        lesson = teacher_answers(teacher, *pairs(tested, size, count, seed=1))
        print(f"{size} pixels, people left out: {agreement(network, lesson)}", flush=True)


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


def teacher_answers(
    teacher: Lpips, spoiled: Float[np.ndarray, "n s s 3"], true: Float[np.ndarray, "n s s 3"]
) -> Answers:
    picture, target = (torch.from_numpy(each).to(teacher.mean.device) for each in (spoiled, true))
    distances, gradient = answers(
        lambda one, other: by_layer(teacher, one, other).sum(1), picture, target
    )
    return Answers(picture, target, distances, gradient)


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


def answers(
    distance: Callable[[Tensor, Tensor], Tensor],
    spoiled: Float[Tensor, "n s s 3"],
    true: Float[Tensor, "n s s 3"],
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n s s 3"]]:
    """Distances, and the gradient of each with respect to the spoiled picture."""
    found = []
    for one, other in zip(spoiled.split(16), true.split(16), strict=True):
        picture = one.clone().requires_grad_()
        distances = distance(picture, other)
        (gradient,) = torch.autograd.grad(distances.sum(), picture)
        found.append((distances.detach(), gradient))
    distances, gradient = (torch.cat(each) for each in zip(*found, strict=True))
    return distances, gradient


def agreement(network: PerceptualDistance, tested: Answers) -> str:
    """Correlations of the distances, and the cosine of the gradients."""
    ours, gradient = answers(network, tested.spoiled, tested.true)
    cosine = cosine_similarity(gradient.flatten(1), tested.gradient.flatten(1), eps=FAINT).cpu()
    median, tenth = cosine.quantile(torch.tensor([0.5, 0.1])).tolist()
    ours, theirs = ours.cpu(), tested.distances.cpu()
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
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
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
    centered = values - mean[:, None]
    return mean, centered @ centered.T / values.shape[1]


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
        gain = left.square().sum(0) / (left.diag() + FAINT)
        gain[left.diag() < least] = -1
        gain[chosen] = -2
        best = int(gain.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[best]) / (left[best, best] + FAINT)
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
