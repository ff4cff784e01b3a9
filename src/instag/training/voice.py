"""Fitting a Voice: what a few seconds of a person tell of how the lower face follows the voice, beside what is known of everybody.

A ridge regression on what the lip networks find, for what they leave over; without evidence the person moves as people do. A few frames of
silence, lips at rest, are added: what lips do in a pause is hardly ever in a few seconds, and people differ in it.
"""

import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from instag.data.motion_codes import MotionCodes
from instag.speech.front_end import SAMPLE_RATE
from instag.speech.lip_motion import LipMotion, Voice
from instag.speech.lip_network import CODES, CURVES, HIDDEN

STRENGTH = 10.0
"""The penalty, in the variance of what a network finds. Tried on 16 people left out: 1 and 0.1 learn by heart."""
FREE = 0.1
"""The share of the penalty that the bias feels."""
QUIET_SHARE = 0.2
"""Frames of silence that are added, for each frame seen."""
SMOOTHED = 0.7
"""Frames: what moves faster is the detector's error."""
WANTED_MOVEMENT, LARGEST_GAIN = 0.9, 2.5
"""What is predicted moves too little. It is enlarged until the lips open and close so much, of how they were seen to."""


def fit_voice(waveform: Float[Tensor, " samples"], codes: MotionCodes, frames: range, hearing: LipMotion | None = None) -> Voice:
    """From a clip's sound and the codes of the frames that may be learned from."""
    hearing = (LipMotion() if hearing is None else hearing).tuned(waveform)
    found = hearing.hidden(waveform)[frames.start : frames.stop]
    quiet = hearing.hidden(torch.zeros(2 * SAMPLE_RATE))
    quiet = quiet[len(quiet) // 2].expand(round(QUIET_SHARE * len(frames)), -1)
    weights, bias = (part[..., CURVES:] for part in hearing.model.head())
    seen = torch.from_numpy(gaussian_filter1d(codes.code[frames.start : frames.stop].numpy(), SMOOTHED, axis=0))
    middle = seen.mean(0)
    size = ((seen - middle).square().sum(1).mean() / CODES).sqrt().clamp_min(1e-6)
    wanted = torch.cat([seen - middle, (-middle).expand(len(quiet), -1)]) / size
    heard = torch.cat([found, quiet])
    left = wanted - (heard @ weights + bias)
    nets = heard.shape[1] // HIDDEN
    own = [_ridge(heard[:, part], left, found[:, part]) for part in (slice(net * HIDDEN, (net + 1) * HIDDEN) for net in range(nets))]
    weights = (weights + torch.cat([part for part, _ in own]) / nets) * size
    bias = (bias + torch.stack([part for _, part in own]).mean(0)) * size
    said = found @ weights + bias
    gap = hearing.model.gap
    gain = (WANTED_MOVEMENT * (seen @ gap).std() / (said @ gap).std().clamp_min(1e-9)).clamp(1.0, LARGEST_GAIN)
    return Voice(weights=weights * gain, bias=(bias - said.mean(0)) * gain + said.mean(0) + middle, closed=codes.closed)


def _ridge(heard: Float[Tensor, "f n"], left: Float[Tensor, "f k"], found: Float[Tensor, "g n"]) -> tuple[Float[Tensor, "n k"], Float[Tensor, " k"]]:
    """Weights and bias for what is left over."""
    usual, spread = found.mean(0), found.std()
    given = torch.cat([(heard - usual) / spread, torch.ones(len(heard), 1)], dim=1).double()
    penalty = torch.full((given.shape[1],), STRENGTH * len(given), dtype=torch.float64)
    penalty[-1] *= FREE
    solved = torch.linalg.solve(given.T @ given + penalty.diag(), given.T @ left.double()).float()
    weights = solved[:-1] / spread
    return weights, solved[-1] - usual @ weights
