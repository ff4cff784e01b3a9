"""Fitting a Voice: what a few seconds of a person tell of how the lower face follows the voice,
beside what is known of everybody.

A ridge regression on what the lip networks find, for what they leave over; without evidence the
person moves as people do. A few frames of silence, lips at rest, are added: what lips do in a pause
is hardly ever in a few seconds, and people differ in it.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from instag.speech.lips.audio_offset import REACH, best_offset
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd, SpeakerAdapter, advanced, unsharp
from instag.speech.lips.network import CODES, CURVES, HIDDEN
from instag.types import FPS, SAMPLE_RATE

STRENGTH, STRENGTH_FRAMES = 6.0, 150
"""The penalty, in the variance of what a network finds in so many frames: five seconds and their
silence; more frames feel it less. Tried on 16 people left out: from 5 to 20 five seconds do alike,
and fifteen better with less."""
FREE = 0.1
"""The share of the penalty that the bias feels."""
QUIET_SHARE = 0.2
"""Frames of silence that are added, for each frame seen."""
SMOOTHED = 0.7
"""Frames: what moves faster is the detector's error."""
QUANTILES = 13
"""At so many, from 2 % to 98 %, the gap that is said is brought to the one that was seen ..."""
MEANT = 0.7
"""... by this share. What is predicted is timid: its lips never quite close. All of it would follow
the noise of a few seconds."""
CLOSING = 0.1
"""The lowest gap is brought toward a quantile that is so much lower, those up to the median by
less: a mean of closed and open lips is open lips. On 16 people left out 0.74 of the closures are
found, not 0.63, and 0.83 of those that are said are true, not 0.88; correlation and distances stay.
"""
MOST_SEEN = 500
"""Codes that a voice keeps of what was seen, at even steps."""
WIDER, WIDEST = 0.5, 2.0
"""The mouth's width is predicted more timidly still. It is enlarged so far toward the movement that
was seen, and at most so many times."""


def fit_speaker_adapter(
    waveform: Float[Tensor, " samples"],
    codes: LipCodes,
    frames: range,
    *,
    curves: Float[np.ndarray, "f 3"] | None = None,
    hearing: LipCodeFrontEnd | None = None,
) -> SpeakerAdapter:
    """From a clip's sound and the codes of the frames that may be learned from.

    curves: those of the lips (`capture.audio_offset`), where what is left of a delay of the sound
    is to be found first.
    """
    hearing = (LipCodeFrontEnd() if hearing is None else hearing).calibrated(waveform)
    # What sounds later changes nothing in these frames, and in ten minutes of it there is half a
    # minute of hearing.
    waveform = waveform[
        : round(((frames.stop + REACH + 1) / FPS + hearing.lookahead) * SAMPLE_RATE)
    ]
    late = 0.0 if curves is None else _late(waveform, curves, frames, hearing)
    found = hearing.hidden(advanced(waveform, late))[frames.start : frames.stop]
    quiet = hearing.hidden(torch.zeros(2 * SAMPLE_RATE))
    quiet = quiet[len(quiet) // 2].expand(round(QUIET_SHARE * len(frames)), -1)
    weights, bias = (part[..., CURVES:] for part in hearing.model.head())
    seen = torch.from_numpy(
        gaussian_filter1d(codes.code[frames.start : frames.stop].numpy(), SMOOTHED, axis=0)
    )
    middle = seen.mean(0)
    size = ((seen - middle).square().sum(1).mean() / CODES).sqrt().clamp_min(1e-6)
    wanted = torch.cat([seen - middle, (-middle).expand(len(quiet), -1)]) / size
    heard = torch.cat([found, quiet])
    left = wanted - (heard @ weights + bias)
    nets = heard.shape[1] // HIDDEN
    own = [
        _ridge(heard[:, part], left, found[:, part])
        for part in (slice(net * HIDDEN, (net + 1) * HIDDEN) for net in range(nets))
    ]
    weights = (weights + torch.cat([part for part, _ in own]) / nets) * size
    bias = (bias + torch.stack([part for _, part in own]).mean(0)) * size
    bias = bias + middle
    gap, width = hearing.model.gap, hearing.model.width
    # Along what goes with an open or a wide mouth in the seen frames, not the nearest code: lips
    # that part alone, with the chin at rest, are no face's motion.
    opening, widening = (_along(seen - middle, what) for what in (gap, width))
    said = unsharp(found @ weights + bias) @ width
    more = WIDER * float(
        ((seen @ width).std() / said.std().clamp_min(1e-9) - 1).clamp(0, WIDEST - 1)
    )
    weights, bias = (
        weights + more * torch.outer(weights @ width, widening),
        bias + more * (bias @ width - said.mean()) * widening,
    )
    gaps = _gaps(unsharp(found @ weights + bias) @ gap, seen @ gap)
    shown = codes.code[frames.start : frames.stop]
    return SpeakerAdapter(
        weights=weights,
        bias=bias,
        closed=codes.closed,
        gaps=gaps,
        opening=opening,
        late=late,
        seen=shown[:: -(-len(shown) // MOST_SEEN)].clone(),
        weights_id=hearing.model.weights_id,
    )


def _late(
    waveform: Float[Tensor, " samples"],
    curves: Float[np.ndarray, "f 3"],
    frames: range,
    hearing: LipCodeFrontEnd,
) -> float:
    """How much later than the lips the sound is, ms, as far as the frames that may be learned from
    tell; 0 where they do not tell surely."""
    asked = hearing.curves(waveform)[frames.start : frames.stop].numpy()
    found = best_offset(asked, curves[frames.start : frames.stop])
    return found.ms if found is not None and found.sure else 0.0


def _along(varied: Float[Tensor, "f k"], what: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """How codes change when what they hold of `what` grows by 1, around their mean."""
    along = varied.T @ (varied @ what)
    return along / (along @ what).clamp_min(1e-9)


def _gaps(said: Float[Tensor, " f"], seen: Float[Tensor, " f"]) -> Float[Tensor, "q 2"]:
    """Quantiles of the gap that is said, and where each is brought."""
    at = torch.linspace(0.02, 0.98, QUANTILES)
    lower = CLOSING * (1 - 2 * at).clamp_min(0)
    one, other = said.quantile(at), seen.quantile((at - lower).clamp_min(0))
    return torch.stack([one, one + MEANT * (other - one)], dim=1)


def _ridge(
    heard: Float[Tensor, "f n"], left: Float[Tensor, "f k"], found: Float[Tensor, "g n"]
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " k"]]:
    """Weights and bias for what is left over."""
    usual, spread = found.mean(0), found.std()
    given = torch.cat([(heard - usual) / spread, torch.ones(len(heard), 1)], dim=1).double()
    penalty = torch.full((given.shape[1],), STRENGTH * STRENGTH_FRAMES, dtype=torch.float64)
    penalty[-1] *= FREE
    solved = torch.linalg.solve(given.T @ given + penalty.diag(), given.T @ left.double()).float()
    weights = solved[:-1] / spread
    return weights, solved[-1] - usual @ weights
