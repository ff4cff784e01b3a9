"""Train the bundled lip network from a folder of prepared clips: python
tools/train_lip_networks.py CLIPS [--without NAME ...] [-o FILE].

Twice in turn, networks are trained on some of the people and find the sound delay of the others,
which is then corrected where the estimate is certain: the delays in the clips may be wrong. The
second turn's correlations on people left out are the measure. Then the bundled networks learn from
all.
"""

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from clip_arguments import add_clips, add_together, chosen_clips
from jaxtyping import Float
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, smooth_l1_loss

from instag.data.clip import Clip
from instag.motion.landmark_motion import LOWER_LIP, UPPER_LIP, LandmarkMotion, landmark_motion
from instag.speech.lips.audio_offset import best_offset, landmark_curves
from instag.speech.lips.codes import OUTER_EYES
from instag.speech.lips.network import (
    CODES,
    COMPONENTS,
    CURVES,
    MARGIN_FRAMES,
    STEPS_PER_FRAME,
    LipModel,
    LipNet,
    interpolate_at,
    lip_model_state,
)
from instag.speech.loudness import ACTIVE_RMS, loudness_gain
from instag.speech.whisper import BLOCK_S, STEP, WhisperEncoder, load_whisper_encoder
from instag.types import SAMPLE_RATE, SAMPLES

LIPS = (
    0,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    37,
    39,
    40,
    61,
    72,
    73,
    74,
    78,
    80,
    81,
    82,
    84,
    85,
    86,
    87,
    88,
    91,
    95,
    146,
    178,
    181,
    185,
    191,
)
LIPS_WEIGHT = 2.0
"""The lips count so much more than cheeks and chin in what the code keeps."""
VARIANTS = 6
VOCAL_TRACT, NOISY, NOISE_DB = 0.12, 0.7, (-60.0, -15.0)
STEPS_OF_TRAINING, BATCH, CROP, TEMPO, RATE, DECAY, DROPOUT, AVERAGE = (
    300,
    16,
    96,
    0.1,
    3e-3,
    0.1,
    0.3,
    0.98,
)
CURVE_WEIGHTS = (3.0, 1.0, 2.0)
SMOOTHED = 0.7
REST, RESTING, AFTER = 75, 0.1, 8
"""Frames of silence, or of noise alone, after each recording; the share of the crops that reach
into them; frames after which lips should rest there."""
FOLDS, NETS = 4, 4


@dataclass(kw_only=True)
class Person:
    """A clip. features: of the encoder, for variants of its sound, 50 steps a second with
    MARGIN_FRAMES before; components: their principal components. target: curves and code, in the
    person's deviations, then those of lips at rest for REST frames."""

    name: str
    motion: LandmarkMotion
    curves: Float[Tensor, "f 3"]
    features: list[Float[Tensor, "n 384"]]
    components: list[Float[Tensor, "64 n"]]
    lag: float = 0.0
    target: Float[Tensor, "f 15"]
    size: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_clips(parser)
    add_together(parser)
    parser.add_argument(
        "--output", "-o", type=Path, default=Path("src/instag/bundled/lip_motion.safetensors")
    )
    parser.add_argument(
        "--folds",
        type=Path,
        help="also write here what the folds learned of the others, for tests on people left out",
    )
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(
        1
    )  # layers are small: a second thread wins little, and stalls beside other work
    began, encoder = time.time(), load_whisper_encoder()
    folders = chosen_clips(chosen)
    people = [read_person(Clip.open(folder), encoder, seed) for seed, folder in enumerate(folders)]
    shared = shared_basis(people)
    components = shared_components(people)
    for person in people:
        set_target(person, shared)
        set_components(person, components)
    print(
        f"{len(people)} clips, {sum(len(person.curves) for person in people)} frames, encoded in "
        f"{time.time() - began:.0f} s",
        flush=True,
    )
    folds, left_out = folds_of(people, chosen.together), []
    for turn in range(2):
        scores, left_out = leave_out(
            people, folds, seed=chosen.seed + 100 * turn, name=f"turn {turn + 1}"
        )
    if chosen.folds is not None:
        models = [
            lip_model_state(model_of_people([net], people, shared, components)) for net in left_out
        ]
        torch.save(
            {
                "models": models,
                "folds": folds,
                "lags": {person.name: float(person.lag) for person in people},
            },
            chosen.folds,
        )
    print(f"left out: aperture {scores[0]:.3f}, width {scores[1]:.3f}, jaw {scores[2]:.3f}")
    nets = [train(people, seed=chosen.seed + 7000 + number) for number in range(NETS)]
    model = model_of_people(nets, people, shared, components)
    save_file(lip_model_state(model), str(chosen.output))
    print(
        f"{chosen.output}: {chosen.output.stat().st_size / 1e6:.2f} MB after "
        f"{time.time() - began:.0f} s"
    )
    print(
        "delays mended by (ms):",
        ", ".join(f"{person.name} {person.lag * 40:.0f}" for person in people),
    )


@dataclass(frozen=True, kw_only=True)
class Basis:
    """As in LipModel."""

    points: Tensor
    basis: Tensor
    projection: Tensor
    aperture: Tensor


@dataclass(frozen=True, kw_only=True)
class Components:
    """As in LipModel."""

    feature_mean: Tensor
    components: Tensor


def read_person(clip: Clip, encoder: WhisperEncoder, seed: int) -> Person:
    track, sound = clip.track(), torch.from_numpy(clip.speech().copy())
    motion = landmark_motion(track, (clip.info.width, clip.info.height))
    generator = torch.Generator().manual_seed(seed)
    features = [
        encoded_variant(encoder, sound, generator, plain=number == 0) for number in range(VARIANTS)
    ]
    size = float((motion.points[OUTER_EYES[0]] - motion.points[OUTER_EYES[1]]).norm())
    curves = torch.from_numpy(landmark_curves(track.landmarks)).float()
    return Person(
        name=clip.folder.stem,
        motion=motion,
        curves=curves,
        features=features,
        components=[],
        target=curves,
        size=size,
    )


def encoded_variant(
    encoder: WhisperEncoder, sound: Float[Tensor, " n"], generator: torch.Generator, *, plain: bool
) -> Float[Tensor, "n 384"]:
    """The sound and silence after it, as it is, or of another vocal tract, in noise, and from
    another place in the encoder's blocks on."""
    gain = loudness_gain(sound)
    factor, later = 1.0, 0
    sound = pad(sound, (0, REST * SAMPLES))
    if not plain:
        draw = lambda: float(torch.rand((), generator=generator))  # noqa: E731
        factor = math.exp(VOCAL_TRACT * (2 * draw() - 1))
        if draw() < NOISY:
            level = (
                ACTIVE_RMS
                / gain
                * 10 ** ((NOISE_DB[0] + (NOISE_DB[1] - NOISE_DB[0]) * draw()) / 20)
            )
            noise = torch.fft.rfft(torch.randn(len(sound), generator=generator))
            noise = torch.fft.irfft(
                noise / (1 + torch.arange(len(noise)) / len(noise) * 20) ** draw(), n=len(sound)
            )
            sound = sound + noise / noise.std() * level
        sound = interpolate(
            sound[None, None], size=round(len(sound) / factor), mode="linear", align_corners=True
        )[0, 0]
        later = int(draw() * BLOCK_S * SAMPLE_RATE / STEP)
    around = pad(sound * gain, (MARGIN_FRAMES * SAMPLES + later * STEP, MARGIN_FRAMES * SAMPLES))
    found = torch.cat(list(encoder.encode(around)))[later:]
    # The resampled sound is back on the old clock, its margins as they were.
    margin = MARGIN_FRAMES * STEPS_PER_FRAME
    places = (
        margin
        + (torch.arange(round((len(found) - 2 * margin) * factor) + 2 * margin) - margin) / factor
    )
    return interpolate_at(found.T, places).T


def shared_components(people: list[Person]) -> Components:
    """Principal components of the encoder's features, each divided by the root of its deviation,
    and on average of size 1."""
    every = torch.cat([features for person in people for features in person.features])
    mean = every.mean(0)
    spread, directions = torch.linalg.eigh(
        (every - mean).T.double() @ (every - mean).double() / len(every)
    )
    kept = (directions[:, -COMPONENTS:] / spread[-COMPONENTS:] ** 0.25).flip(1).float()
    return Components(
        feature_mean=mean, components=kept / ((every - mean) @ kept).square().mean().sqrt()
    )


def set_components(person: Person, shared: Components) -> None:
    person.components = [
        ((features - shared.feature_mean) @ shared.components).T.contiguous()
        for features in person.features
    ]


def shared_basis(people: list[Person]) -> Basis:
    """Principal components of the lower face's motion, each person counting alike."""
    speaks = (
        torch.stack(
            [torch.zeros(468).index_fill(0, person.motion.speaks, 1.0) for person in people]
        ).mean(0)
        > 0.5
    )
    points = torch.nonzero(speaks)[:, 0]
    weights = torch.ones(len(points))
    lips = {
        *LIPS,
        *(
            mirrored
            for mirrored in (
                267,
                269,
                270,
                291,
                302,
                303,
                304,
                308,
                310,
                311,
                312,
                314,
                315,
                316,
                317,
                318,
                321,
                324,
                375,
                402,
                405,
                409,
                415,
            )
        ),
    }
    weights[torch.tensor([int(point) in lips for point in points])] = LIPS_WEIGHT
    rows = []
    for person in people:
        moved = person.motion.shift[:, points] / person.size
        moved = ((moved - moved.mean(0)) * weights[:, None]).flatten(1)
        rows.append(moved / moved.square().mean().sqrt() / len(moved) ** 0.5)
    _, spread, components = torch.linalg.svd(torch.cat(rows), full_matrices=False)
    print(
        f"{CODES} components hold "
        f"{float((spread.square() / spread.square().sum())[:CODES].sum()):.1%} of the motion"
    )
    kept = components[:CODES].unflatten(1, (-1, 2))
    basis, projection = kept / weights[:, None], (kept * weights[:, None]).permute(1, 2, 0)
    where = {int(point): row for row, point in enumerate(points)}
    return Basis(
        points=points,
        basis=basis,
        projection=projection.contiguous(),
        aperture=basis[:, where[UPPER_LIP], 1] - basis[:, where[LOWER_LIP], 1],
    )


def code_of(person: Person, shared: Basis) -> Float[Tensor, "f k"]:
    return ((person.motion.shift - person.motion.rest)[:, shared.points] / person.size).flatten(
        1
    ) @ shared.projection.flatten(0, 1)


def set_target(person: Person, shared: Basis) -> None:
    smooth = lambda values: torch.from_numpy(gaussian_filter1d(values.numpy(), SMOOTHED, axis=0))  # noqa: E731
    curves, code = smooth(person.curves), smooth(code_of(person, shared))
    shut = curves[:, 0].topk(max(1, len(curves) // 10), largest=False).indices
    resting = torch.cat(
        [(curves[shut].median(0).values - curves.mean(0)) / curves.std(0), -code.mean(0)]
    )
    code = code - code.mean(0)
    size = (code.square().sum(1).mean() / CODES).sqrt()
    resting[CURVES:] /= size
    person.target = torch.cat(
        [
            torch.cat([(curves - curves.mean(0)) / curves.std(0), code / size], dim=1),
            resting.expand(REST, -1),
        ]
    )


def folds_of(people: list[Person], together: list[str]) -> dict[str, int]:
    """The fold that leaves each clip out; several clips of one person lie in the same, and each
    fold has long and short ones."""

    def identity(person: Person) -> str:
        return next((start for start in together if person.name.startswith(start)), person.name)

    def length(name: str) -> int:
        return sum(len(person.curves) for person in people if identity(person) == name)

    names = sorted({identity(person) for person in people}, key=lambda name: (-length(name), name))
    return {person.name: names.index(identity(person)) % FOLDS for person in people}


def leave_out(
    people: list[Person], folds: dict[str, int], *, seed: int, name: str
) -> tuple[Float[np.ndarray, " 3"], list[LipNet]]:
    """Correct the delays of people that the networks were not trained on, and print correlations.
    Returns the networks of the folds, too."""
    scores, found, nets = {}, {}, []
    for fold in range(FOLDS):
        net = train([person for person in people if folds[person.name] != fold], seed=seed + fold)
        nets.append(net)
        for person in people:
            if folds[person.name] == fold:
                asked = predict(net, person)
                delay = best_offset(asked[:, :CURVES].numpy(), person.curves.numpy())
                found[person.name] = 0.0 if delay is None or not delay.sure else delay.ms / 40
                scores[person.name] = [
                    np.corrcoef(asked[:, curve], person.curves[:, curve])[0, 1]
                    for curve in range(CURVES)
                ]
    middle = float(np.median(list(found.values())))
    each = (f"{key} {value[0]:.2f} ({found[key] * 40:+.0f} ms)" for key, value in scores.items())
    print(f"{name}: {' '.join(each)}", flush=True)
    for person in people:
        person.lag += found[person.name] - middle
    return np.mean(list(scores.values()), axis=0), nets


def read_frames(
    inputs: Float[Tensor, "64 n"], person: Person, start: float, frames: int, rate: float
) -> Float[Tensor, "64 m"]:
    """STEPS_PER_FRAME steps for each of some frames, from a frame on, at a tempo."""
    quarter = torch.arange(frames * STEPS_PER_FRAME) - (STEPS_PER_FRAME - 1) / 2
    return interpolate_at(
        inputs,
        (start + 0.5 + person.lag + MARGIN_FRAMES + quarter / STEPS_PER_FRAME * rate)
        * STEPS_PER_FRAME,
    )


@torch.no_grad()
def predict(net: LipNet, person: Person) -> Float[Tensor, "f 15"]:
    frames = len(person.curves)
    inputs = read_frames(
        person.components[0], person, -MARGIN_FRAMES, frames + 2 * MARGIN_FRAMES, 1.0
    )
    return net(inputs[None])[0].T[MARGIN_FRAMES : MARGIN_FRAMES + frames]


def drawn(
    people: list[Person], shares: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    inputs, target, known = [], [], []
    draw = lambda: float(torch.rand((), generator=generator))  # noqa: E731
    for number in torch.multinomial(shares, BATCH, replacement=True, generator=generator).tolist():
        person = people[number]
        frames, rate = len(person.curves), math.exp(TEMPO * (2 * draw() - 1))
        start = -8 + draw() * max(1.0, frames + 16 - (CROP - 1) * rate)
        if draw() < RESTING:
            start = frames + REST - (CROP - 1) * rate - draw() * REST / 2
        variant = person.components[int(torch.randint(VARIANTS, (), generator=generator))]
        inputs.append(read_frames(variant, person, start, CROP, rate))
        places = start + torch.arange(CROP) * rate
        known.append((places >= 0) & ((places <= frames - 1) | (places >= frames + AFTER)))
        target.append(interpolate_at(person.target.T, places))
    return torch.stack(inputs), torch.stack(target), torch.stack(known)[:, None].float()


def loss_of(predicted: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Huber, and one minus the correlation within the crop."""
    weights = torch.tensor([*CURVE_WEIGHTS, *[1.0] * CODES])
    weights = (weights / weights.sum())[None, :, None]
    huber = (
        smooth_l1_loss(predicted, target, reduction="none") * known * weights
    ).sum() / known.sum()
    count = known.sum(-1, keepdim=True).clamp(min=1)
    centred = lambda values: (values - (values * known).sum(-1, keepdim=True) / count) * known  # noqa: E731
    one, other = centred(predicted), centred(target)
    together = (one * other).sum(-1) / (
        one.square().sum(-1) * other.square().sum(-1) + 1e-3 * count[..., 0] ** 2
    ).sqrt()
    return huber + 0.5 * ((1 - together) * weights[..., 0]).sum(-1).mean()


def train(people: list[Person], *, seed: int) -> LipNet:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = LipNet(dropout=DROPOUT).train()
    averaged = copy.deepcopy(net)
    shares = torch.tensor([float(len(person.curves)) ** 0.5 for person in people])
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY, betas=(0.9, 0.98))
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=STEPS_OF_TRAINING, pct_start=0.15
    )
    for step in range(STEPS_OF_TRAINING):
        inputs, target, known = drawn(people, shares, generator)
        optimiser.zero_grad()
        loss_of(net(inputs), target, known).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        rates.step()
        kept = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for slow, fast in zip(averaged.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, 1 - kept)
    averaged.dropout = 0.0
    return averaged.eval()


def model_of_people(
    nets: list[LipNet], people: list[Person], shared: Basis, components: Components
) -> LipModel:
    codes = [code_of(person, shared) for person in people]
    sizes = [float(((code - code.mean(0)).square().sum(1).mean() / CODES).sqrt()) for code in codes]
    middle = torch.stack([code.mean(0) for code in codes]).mean(0)
    return LipModel(
        networks=tuple(nets),
        code_deviation=float(np.mean(sizes)),
        mean_code=middle,
        **vars(shared),
        **vars(components),
    )


if __name__ == "__main__":
    main()
