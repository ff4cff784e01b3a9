"""How well lip networks move people whom they never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from instag.evaluation.lip_sync import closures
from instag.speech.lips.front_end import voice_share
from instag.speech.lips.network import CODES, CURVES, MARGIN_FRAMES, LipNet
from lip_training.basis import Basis, code_of
from lip_training.lessons import Learned, last_heard, live_inputs, whole_inputs

LOOK_AHEADS = (0, 2, 3, 5, 11)
"""Frames: 0, 80, 120, 200 and 440 ms."""
PAUSE_DB, PAUSE_FRAMES, SETTLING = -25.0, 8, 5
"""Pauses are so much fainter than the voice, so long, and count after so many frames."""
QUANTILES = np.linspace(0.01, 0.99, 25)


@final
@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one clip. correlation: of aperture, width and jaw. found, by_chance, true, true_by_chance:
    shares of closures. pause, pause_seen: mean opening in pauses, eye distances; pauses: their
    frames. live: at each look-ahead, rows of predicted curves, and of those by the whole file."""

    name: str
    frames: int
    correlation: tuple[float, float, float]
    found: float
    by_chance: float
    true: float
    true_by_chance: float
    pause: float
    pause_seen: float
    rested: float
    gated: float
    ungated: float
    pauses: int
    spoken: float
    spoken_seen: float
    voice: float
    spoken_voice: float
    live: dict[int, Float[np.ndarray, "n 3 3"]]


@torch.no_grad()
def predicted(nets: Sequence[LipNet], person: Learned) -> Float[Tensor, "f outputs"]:
    """By the mean of networks, from the whole recording."""
    frames = len(person) + 2 * MARGIN_FRAMES
    inputs = whole_inputs(person, person.variants[0], -MARGIN_FRAMES, frames)
    found = torch.stack([net(inputs[None])[0].T for net in nets]).mean(0)
    return found[MARGIN_FRAMES : MARGIN_FRAMES + len(person)]


def score(
    nets: Sequence[LipNet], person: Learned, basis: Basis, size: float, middle: Float[Tensor, " k"]
) -> Score:
    """By the mean of the networks. size, middle: people's mean deviation and mean code."""
    found = predicted(nets, person)
    curves, seen = found[:, :CURVES].numpy(), person.observed.curves.numpy()
    closed = closures(
        np.interp(
            curves[:, 0], np.quantile(curves[:, 0], QUANTILES), np.quantile(seen[:, 0], QUANTILES)
        ),
        seen[:, 0].astype(np.float64),
    )
    opening = (found[:, CURVES : CURVES + CODES] * size + middle) @ basis.aperture
    share = (
        voice_share(found[:, -1]) if found.shape[1] > CURVES + CODES else torch.ones(len(opening))
    )
    own = code_of(person.observed, basis) @ basis.aperture
    pause = torch.from_numpy(pauses(person))
    number = lambda value: float(value) if isinstance(value, float) else float("nan")  # noqa: E731
    return Score(
        name=person.name,
        frames=len(person),
        correlation=tuple(np.corrcoef(curves[:, k], seen[:, k])[0, 1] for k in range(CURVES)),
        found=number(closed.recall),
        by_chance=number(closed.recall_by_chance),
        true=number(closed.precision),
        true_by_chance=number(closed.precision_by_chance),
        pause=float(opening[pause].mean()) if pause.any() else float("nan"),
        rested=float((opening * share)[pause].mean()) if pause.any() else float("nan"),
        gated=float(np.corrcoef(opening * share, own)[0, 1]),
        ungated=float(np.corrcoef(opening, own)[0, 1]),
        pause_seen=float(own[pause].mean()) if pause.any() else float("nan"),
        pauses=int(pause.sum()),
        spoken=float(opening[~pause].mean()),
        spoken_seen=float(own[~pause].mean()),
        voice=float(share[pause].mean()) if pause.any() else float("nan"),
        spoken_voice=float(share[person.observed.voiced > 0].mean()),
        live={look: live_rows(nets, person, found[:, :CURVES], look) for look in LOOK_AHEADS},
    )


def pauses(person: Learned) -> Bool[np.ndarray, " f"]:
    """Frames in pauses of the recording."""
    quiet = person.observed.quiet(PAUSE_DB, PAUSE_FRAMES)
    settled = quiet.copy()
    for frame in range(1, SETTLING + 1):
        settled[frame:] &= quiet[:-frame]
    settled[:SETTLING] = False
    return settled


@torch.no_grad()
def live_rows(
    nets: Sequence[LipNet], person: Learned, whole: Float[Tensor, "f 3"], look: int
) -> Float[np.ndarray, "n 3 3"]:
    """What each window of the recording predicts at a look-ahead, what the whole file does, and
    what was seen."""
    variant, inputs, frames = person.variants[0], [], []
    for window in range(len(variant.live)):
        last = last_heard(person, variant, window) - look
        frame = round(last)
        if not 0 <= frame < len(person):
            continue
        inputs.append(
            live_inputs(person, variant, window, last - MARGIN_FRAMES, 2 * MARGIN_FRAMES + 1)
        )
        frames.append(frame)
    if not frames:
        return np.zeros((0, 3, 3))
    found = torch.stack([net(torch.stack(inputs)) for net in nets]).mean(0)
    rows = [found[:, :CURVES, MARGIN_FRAMES], whole[frames], person.unit[frames, :CURVES]]
    return torch.stack(rows, dim=1).numpy()


def summary(scores: Sequence[Score]) -> str:
    """One line of means over clips, and of pooled live frames."""
    mean = lambda of: float(np.nanmean([of(each) for each in scores]))  # noqa: E731
    corr = np.nanmean([each.correlation for each in scores], axis=0)
    weight = [each.pauses for each in scores]
    pooled = lambda of: float(  # noqa: E731
        np.nansum([of(each) * each.pauses for each in scores if each.pauses]) / max(1, sum(weight))
    )
    parts = [
        "corr " + " ".join(f"{value:.3f}" for value in corr),
        f"closures {mean(lambda s: s.found):.2f} ({mean(lambda s: s.by_chance):.2f}) "
        f"true {mean(lambda s: s.true):.2f} ({mean(lambda s: s.true_by_chance):.2f})",
        f"pause {pooled(lambda s: s.pause):.3f} seen {pooled(lambda s: s.pause_seen):.3f} "
        f"rested {pooled(lambda s: s.rested):.3f} ({sum(weight)} frames) voice "
        f"{pooled(lambda s: s.voice):.2f}/{mean(lambda s: s.spoken_voice):.2f} opening corr "
        f"{mean(lambda s: s.ungated):.3f} gated {mean(lambda s: s.gated):.3f}",
        f"speech {mean(lambda s: s.spoken):.3f} seen {mean(lambda s: s.spoken_seen):.3f}",
    ]
    for look in LOOK_AHEADS:
        rows = np.concatenate([each.live[look] for each in scores])
        live, whole = (
            [np.corrcoef(rows[:, which, k], rows[:, 2, k])[0, 1] for k in range(3)]
            for which in (0, 1)
        )
        parts.append(f"L{40 * look} {live[0]:.3f}/{whole[0]:.3f}")
    return " | ".join(parts)
