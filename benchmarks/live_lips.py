"""How well lips of people left out follow their own sound, live and from a file:
python -m benchmarks.live_lips CLIP... --avatars FOLDER [--lip-networks FOLDER]
[--look-ahead 0.12 0.2] [--before 0] [--size 256] [--seconds 10] [--codes]

Each person's held-out seconds are spoken by the head of FOLDER/NAME-0.avatar: from the whole file,
and live, by the ear of a session that has heard the `--before` seconds before them. --lip-networks
are those that never heard the person; an adapter to them is fitted to the seconds that the head
learned from. Pose and expression are the true ones. The opening of the painted lips, found by the
face mesh, is correlated with that of the recorded ones; --codes reads it off the lip codes, which
drive the head, and paints nothing. `all` weighs people by their frames.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.command_line import parser_of
from benchmarks.lip_networks import speak_with
from benchmarks.people import of_each_person
from jaxtyping import Float
from torch import Tensor

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.evaluation.held_out import held_back
from instag.evaluation.landmarks import LandmarkTracker, TrackedLandmarks
from instag.evaluation.lip_sync import curve_sync, lip_curves
from instag.evaluation.not_measured import NotMeasured
from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.motion.landmark_motion import landmark_motion
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import set_threads
from instag.speech.lips.adapter import SpeakerAdapter
from instag.speech.lips.adapter_fit import fit_speaker_adapter
from instag.speech.lips.audio_offset import landmark_curves, shift_earlier
from instag.speech.lips.codes import lip_codes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_ear import LiveEar, listen
from instag.speech.lips.live_features import look_ahead_steps
from instag.speech.lips.live_network import live_network
from instag.synthesis.background import BackgroundCache
from instag.synthesis.head_renderer import FrameInputs, HeadRenderer
from instag.types import FPS, LIP_CODES, SAMPLES, WINDOWS, Condition

BATCH = 4
Curve = Float[np.ndarray, " f"]


def whole_codes(front_end: LipCodeFrontEnd, sound: Tensor) -> Float[Tensor, "f 12"]:
    """As `speak` has them."""
    return front_end.calibrated(sound)(sound)[..., 0]


def live_codes(adapter: SpeakerAdapter, sound: Tensor, ahead_s: float) -> Float[Tensor, "f 12"]:
    """As a session has them, which begins with this sound."""
    front_end = LipCodeFrontEnd(adapter, look_ahead_s=ahead_s)
    network = live_network(front_end.encoder, front_end.model, look_ahead_steps(ahead_s))
    ear = LiveEar(front_end, network)
    ear.push(sound.numpy())
    ear.end()
    codes = []
    while ear.ready:
        codes += [heard.code for heard in listen([ear])]
    return torch.stack(codes)


def fitted_adapter(avatar: Avatar, clip: Clip) -> SpeakerAdapter:
    """To the networks of this process, by the seconds that the avatar learned from."""
    track, sound = clip.track(), torch.from_numpy(clip.speech())
    hearing, learned = LipCodeFrontEnd(), range(len(avatar))
    motion = landmark_motion(track, clip.size())
    codes, curves = lip_codes(motion, hearing.model), landmark_curves(track.landmarks)
    return fit_speaker_adapter(sound, codes, learned, curves=curves, front_end=hearing)


def codes_by_way(
    adapter: SpeakerAdapter, clip: Clip, frames: range, given: argparse.Namespace
) -> dict[str, Float[Tensor, "f 12"]]:
    """Of the frames, from the file and live."""
    sound = shift_earlier(torch.from_numpy(clip.speech()), adapter.audio_late_ms)
    start = max(0, frames.start - round(given.before * FPS))
    part, wanted = sound[start * SAMPLES : frames.stop * SAMPLES], slice(-len(frames), None)
    whole = whole_codes(LipCodeFrontEnd(adapter), sound)[frames.start : frames.stop]
    live = {f"live {ahead:g}": live_codes(adapter, part, ahead) for ahead in given.look_ahead}
    return {"file": whole} | {way: codes[wanted] for way, codes in live.items()}


@torch.no_grad()
def pictures(
    avatar: Avatar, dataset: ClipDataset, frames: range, codes: Float[Tensor, "f 12"]
) -> Iterator[np.ndarray]:
    """The head in its true poses with these lips."""
    device = torch.device("cpu")
    renderer = HeadRenderer(avatar, device)
    with BackgroundCache(avatar, device, least=BATCH) as background:
        for start in range(0, len(frames), BATCH):
            some = torch.tensor(frames[start : start + BATCH])
            speech = codes[start : start + BATCH, None, :, None].expand(-1, WINDOWS, -1, -1)
            inputs = FrameInputs(
                first=0,
                condition=Condition(speech=speech, expression=dataset.expression[some]),
                viewmats=dataset.viewmats[some],
                torso=(some % len(avatar)).tolist(),
            )
            yield from renderer.render_frames(inputs, background(inputs)).numpy()


def painted_opening(
    avatar: Avatar, dataset: ClipDataset, frames: range, codes: Float[Tensor, "f 12"]
) -> Curve:
    tracker = LandmarkTracker()
    for picture in pictures(avatar, dataset, frames, codes):
        tracker.track(picture)
    return lip_curves(tracker.observed()).aperture


def number(found: float | NotMeasured) -> float:
    return found if isinstance(found, float) else float("nan")


def row_of(path: Path, given: argparse.Namespace) -> dict[str, float]:
    """A person's correlations and movements, by way."""
    clip = Clip.open(path)
    avatar = scaled(Avatar.open(given.avatars / f"{path.stem}-0.avatar"), given.size)
    assert avatar.speaker_adapter is not None
    adapter = (
        fitted_adapter(avatar, clip)
        if given.lip_networks
        else SpeakerAdapter.of_state(avatar.speaker_adapter)
    )
    frames, track = held_back(avatar)[: round(given.seconds * FPS)], clip.track()
    seen = TrackedLandmarks(points=track.landmarks, found=track.found)
    truth = lip_curves(seen).aperture[frames.start : frames.stop]
    still = torch.zeros(len(clip), LIP_CODES, 1)
    dataset = ClipDataset(clip, clip.tables(), size=given.size, features=still, device="cpu")
    aperture, row = LipCodeFrontEnd(adapter).model.aperture, {"frames": float(len(frames))}
    for way, codes in codes_by_way(adapter, clip, frames, given).items():
        opening = (
            (codes @ aperture).numpy()
            if given.codes
            else painted_opening(avatar, dataset, frames, codes)
        )
        sync = curve_sync(opening, truth)
        row |= {way: number(sync.correlation), f"{way} moves": number(sync.movement_ratio)}
    return row


def line(name: str, row: dict[str, float]) -> str:
    return f"| {name} | {' | '.join(f'{value:.3g}' for value in row.values())} |"


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--avatars", type=Path, required=True)
    parser.add_argument("--lip-networks", nargs="*", default=[])
    parser.add_argument("--look-ahead", type=float, nargs="+", default=[0.12, 0.2])
    parser.add_argument("--before", type=float, default=0.0)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--codes", action="store_true")
    given = parser.parse_args()
    set_threads()
    keep_freed_memory()
    networks, rows = of_each_person(given.lip_networks, ".safetensors"), []
    for path in given.clips:
        if networks:
            speak_with(networks[path.stem])
        rows.append(row_of(path, given))
        if len(rows) == 1:
            print(f"| person | {' | '.join(rows[0])} |\n|{'---|' * (len(rows[0]) + 1)}")
        print(
            f"| {path.stem} | {' | '.join(f'{value:.3g}' for value in rows[-1].values())} |",
            flush=True,
        )
    frames = [row.pop("frames") for row in rows]
    for name, weights in (("mean", None), ("all", frames)):
        means = {
            key: float(np.average([row[key] for row in rows], weights=weights)) for key in rows[0]
        }
        print(line(name, {"frames": sum(frames)} | means))


if __name__ == "__main__":
    main()
