"""The tables of docs/experiments/2026-11-speech.md:
PYTHONPATH=tools python -m benchmarks.speech_tables CLIPS --sounds FOLDER --folds FILE.

How well front ends predict the lips' aperture of people who are left out, from clean sound and
from sound as users send it; and how the bundled lip network moves lips in any language. Networks
that have not seen a person, and the delays of the sounds, are those of
`tools/train_lip_networks.py --folds FILE`.
"""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from benchmarks.command_line import parser_of
from benchmarks.spoiled_sound import music, noise, spoilings
from jaxtyping import Float
from lip_training.people import SMOOTHED
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from instag.data.clip import Clip
from instag.evaluation.lip_sync import CLOSED_AT_MOST, closures, silent_movement
from instag.evaluation.measure import frame_loudness, silence
from instag.media import reader
from instag.speech.chunking import features
from instag.speech.lips.audio_offset import landmark_curves, shift_earlier
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.network import lip_model_from_state
from instag.speech.registry import create
from instag.speech.whisper import load_whisper_encoder
from instag.types import FPS, SAMPLE_RATE

FRONT_ENDS = ("mel", "whisper")
CONTEXTS = {"0.2 s": 2, "0.4 s": 5, "0.8 s": 10}
"""Frames to either side that a ridge regression gets."""
DEFAULT_CONTEXT = "0.4 s"
PENALTIES = (0.1, 0.3, 1.0)
CENTER = slice(6, 10)
"""Steps of a window that are read, averaged."""
QUANTILES = torch.linspace(0.01, 0.99, 25)
Sounds = dict[str, Float[Tensor, " samples"]]
Predictions = dict[str, Float[Tensor, " f"]]
"""Aperture in each frame of a clip, up to its size and middle."""
Features = dict[str, Float[Tensor, "f c"]]
Predictor = Callable[[str, Float[Tensor, " samples"], Features], Float[Tensor, " f"]]
"""Aperture from a clip's name, which gives the fold, a sound, and its features by front end."""


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """Linear in the standardised features of a frame and its neighbours."""

    mean: Float[Tensor, " d"]
    spread: Float[Tensor, " d"]
    weights: Float[Tensor, " d"]
    reach: int

    def __call__(self, inputs: Float[Tensor, "f c"]) -> Float[Tensor, " f"]:
        return ((with_neighbors(inputs, self.reach) - self.mean) / self.spread) @ self.weights


@dataclass(frozen=True, kw_only=True)
class Person:
    """A clip. aperture: in eye distances. target: the same, smoothed, in the person's
    deviations."""

    name: str
    aperture: Float[Tensor, " f"]
    target: Float[Tensor, " f"]


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(1)
    languages(chosen.sounds)
    stored = torch.load(chosen.folds, weights_only=True)
    folds: dict[str, int] = stored["folds"]
    clips = {name: Clip.open(chosen.clips / f"{name}.clip") for name in folds}
    people = [read_person(clip) for clip in clips.values()]
    sounds = {name: sound_of(clip, stored["lags"][name]) for name, clip in clips.items()}
    print(
        "\n| front end | context | correlation | closures found (by chance) | predicted closures "
        "that are true (by chance) | speed in pauses, of the truth's |"
    )
    print("|---|---|---|---|---|---|")
    predictors = print_ridge_rows(people, sounds, folds)
    network = network_predictor(stored["models"], folds)
    heard = {who: network(who, sound, {}) for who, sound in sounds.items()}
    print_row("lip network", "0.8 s", people, sounds, heard)
    spoiled(people, sounds, predictors | {"lip network": network})


def arguments() -> Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument(
        "--sounds", type=Path, required=True, help="a folder of speech in several languages"
    )
    parser.add_argument(
        "--folds", type=Path, required=True, help="folds.pt of tools/train_lip_networks.py --folds"
    )
    return parser.parse_args()


def print_ridge_rows(
    people: list[Person], sounds: Sounds, folds: dict[str, int]
) -> dict[str, Predictor]:
    """A row for each front end and context; returns what predicts from the default context, by
    front end."""
    inputs = {who: sound_features(sound) for who, sound in sounds.items()}
    predictors: dict[str, Predictor] = {}
    for name in FRONT_ENDS:
        given = {
            person.name: inputs[person.name][name][: len(person.aperture)] for person in people
        }
        for context, reach in CONTEXTS.items():
            ridges = best_ridges(people, given, reach, folds)
            predicted = {who: ridges[folds[who]](given[who]) for who in given}
            print_row(f"`{name}`, ridge regression", context, people, sounds, predicted)
            if context == DEFAULT_CONTEXT:
                predictors[f"`{name}`"] = ridge_predictor(ridges, name, folds)
    return predictors


def ridge_predictor(ridges: list[Ridge], front_end: str, folds: dict[str, int]) -> Predictor:
    """ridges: of each fold."""
    return lambda who, _, found: ridges[folds[who]](found[front_end])


def network_predictor(models: list[dict[str, Tensor]], folds: dict[str, int]) -> Predictor:
    """models: the lip networks of each fold, as they are stored."""
    encoder = load_whisper_encoder()
    networks = [
        LipCodeFrontEnd(model=lip_model_from_state(model), encoder=encoder) for model in models
    ]
    return lambda who, sound, _: networks[folds[who]].calibrated(sound).curves(sound)[:, 0]


def sound_of(clip: Clip, lag: float) -> Float[Tensor, " samples"]:
    """In time with the lips. lag: frames by which it is late."""
    return shift_earlier(torch.from_numpy(clip.speech().copy()), 40 * lag)


def read_person(clip: Clip) -> Person:
    aperture = landmark_curves(clip.track().landmarks)[:, 0]
    smooth = gaussian_filter1d(aperture, SMOOTHED)
    return Person(
        name=clip.folder.stem,
        aperture=torch.from_numpy(aperture).float(),
        target=torch.from_numpy((smooth - smooth.mean()) / smooth.std()).float(),
    )


def sound_features(sound: Float[Tensor, " samples"]) -> Features:
    """Features of the front ends in the middle of each frame's window."""
    return {name: features(sound, create(name))[..., CENTER].mean(-1) for name in FRONT_ENDS}


def with_neighbors(inputs: Float[Tensor, "f c"], reach: int) -> Float[Tensor, "f d"]:
    """Each frame's features and those of its neighbours; the outermost are repeated."""
    around = torch.cat([inputs[:1].expand(reach, -1), inputs, inputs[-1:].expand(reach, -1)])
    return around.unfold(0, 2 * reach + 1, 1).flatten(1)


def best_ridges(
    people: list[Person], inputs: dict[str, Tensor], reach: int, folds: dict[str, int]
) -> list[Ridge]:
    """One for each fold, learned on the others, of the penalty that does best for those left
    out."""
    rows = {person.name: with_neighbors(inputs[person.name], reach) for person in people}
    together = torch.cat(list(rows.values()))
    mean, spread = together.mean(0), together.std(0).clamp_min(1e-6)
    products, answers = {}, {}
    for person in people:
        given = ((rows[person.name] - mean) / spread).double()
        products[person.name], answers[person.name] = (
            given.T @ given,
            given.T @ person.target.double(),
        )
    best, found = -1.0, []
    for penalty in PENALTIES:
        ridges = []
        for fold in range(max(folds.values()) + 1):
            inside = [person for person in people if folds[person.name] != fold]
            product = torch.stack([products[person.name] for person in inside]).sum(0)
            strength = (
                penalty
                * sum(len(person.aperture) for person in inside)
                * torch.eye(len(product), dtype=torch.float64)
            )
            answer = torch.stack([answers[person.name] for person in inside]).sum(0)
            weights = torch.cholesky_solve(
                answer[:, None], torch.linalg.cholesky(product + strength)
            )[:, 0].float()
            ridges.append(Ridge(mean=mean, spread=spread, weights=weights, reach=reach))
        fit = float(
            np.mean(
                [fits(ridges[folds[person.name]](inputs[person.name]), person) for person in people]
            )
        )
        if fit > best:
            best, found = fit, ridges
    return found


def fits(predicted: Float[Tensor, " f"], person: Person) -> float:
    """Correlation with the aperture that was seen."""
    frames = min(len(predicted), len(person.aperture))
    return float(np.corrcoef(predicted[:frames], person.aperture[:frames])[0, 1])


def print_row(
    name: str, context: str, people: list[Person], sounds: Sounds, predictions: Predictions
) -> None:
    """A row: predictions are brought to the quantiles of each person's aperture first, so that
    closures and movement measure time, not size."""
    rows = []
    for person in people:
        seen = person.aperture
        predicted = predictions[person.name][: len(seen)]
        found = np.interp(
            predicted.numpy(),
            predicted.quantile(QUANTILES).numpy(),
            seen.quantile(QUANTILES).numpy(),
        )
        closed = closures(found, seen.double().numpy())
        moved = silent_movement(
            found,
            seen.double().numpy(),
            silence(frame_loudness(sounds[person.name].numpy(), len(seen))),
        )
        pause = (
            moved.prediction / moved.truth
            if isinstance(moved.prediction, float) and isinstance(moved.truth, float)
            else float("nan")
        )
        values = (
            closed.recall,
            closed.recall_by_chance,
            closed.precision,
            closed.precision_by_chance,
            pause,
        )
        rows.append(
            [
                fits(predicted, person),
                *(value if isinstance(value, float) else float("nan") for value in values),
            ]
        )
    fit, recall, recalled, precision, precise, pause = np.nanmean(rows, axis=0)
    print(
        f"| {name} | {context} | {fit:.2f} | {recall:.2f} ({recalled:.2f}) | {precision:.2f} "
        f"({precise:.2f}) | {pause:.2f} |",
        flush=True,
    )


def spoiled(people: list[Person], sounds: Sounds, predictors: dict[str, Predictor]) -> None:
    """Correlation with the aperture where the sound is spoiled, and movement where nobody
    speaks."""
    generator = torch.Generator().manual_seed(0)
    print("\n| sound | " + " | ".join(predictors) + " |\n|---|" + "---|" * len(predictors))
    for name, spoil in {"as it is": lambda sound, _: sound, **spoilings()}.items():
        fit = {said: [] for said in predictors}
        for person in people:
            sound = spoil(sounds[person.name], generator)
            before, found = (
                round((len(sound) - len(sounds[person.name])) / 2 / SAMPLE_RATE * FPS),
                sound_features(sound),
            )
            for said, predict in predictors.items():
                fit[said].append(fits(predict(person.name, sound, found)[before:], person))
        print(
            f"| {name} | " + " | ".join(f"{np.mean(values):.2f}" for values in fit.values()) + " |",
            flush=True,
        )
    who, speech = next(iter(sounds.items()))
    samples = 10 * SAMPLE_RATE
    for name, sound in (
        ("noise", 0.05 * noise(samples, generator)),
        ("music", 0.05 * music(samples, generator)),
        ("silence", torch.zeros(samples)),
    ):
        moved = [
            [predict(who, one, sound_features(one))[FPS:-FPS].std() for one in (sound, speech)]
            for predict in predictors.values()
        ]
        print(
            f"| movement in {name} alone, of that in speech | "
            + " | ".join(f"{float(alone / spoken):.2f}" for alone, spoken in moved)
            + " |",
            flush=True,
        )


def languages(folder: Path) -> None:
    """How the bundled networks move anybody's lips."""
    print(
        "| recording | seconds | aperture's deviation | speed of the lips, a second | closures a "
        "second | lips within 0.03 in pauses |"
    )
    print("|---|---|---|---|---|---|")
    front_end = LipCodeFrontEnd()
    for path in sorted(folder.iterdir()):
        sound = torch.from_numpy(reader.read_sound(path, rate=SAMPLE_RATE))
        aperture = (features(sound, front_end)[..., 0] @ front_end.model.aperture).double().numpy()
        quiet = silence(frame_loudness(sound.numpy(), len(aperture)))
        threshold = min(
            aperture.min() + 0.15 * (np.quantile(aperture, 0.95) - aperture.min()), CLOSED_AT_MOST
        )
        shut = aperture <= threshold
        count = int((shut[1:] & ~shut[:-1] & ~quiet[1:]).sum())
        rest = (
            f"{(aperture[quiet] <= CLOSED_AT_MOST).mean():.0%}"
            if quiet.sum() >= 10
            else "no pauses"
        )
        seconds = len(aperture) / FPS
        print(
            f"| {path.stem} | {seconds:.0f} | {aperture.std():.3f} | "
            f"{np.abs(np.diff(aperture)).mean() * FPS:.2f} | {count / seconds:.1f} | {rest} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
