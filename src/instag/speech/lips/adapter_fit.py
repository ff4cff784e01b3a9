"""Fitting a SpeakerAdapter: what a few seconds of a person add to what the lip networks know of
everybody.

A ridge regression from the networks' hidden features to what their outputs leave over; without
evidence the person moves as people do. A few frames of silence with lips at rest are added: a few
seconds hardly ever show a pause, and people differ in it.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import pad

from instag.speech.lips.adapter import SpeakerAdapter, piecewise_linear, unsharp
from instag.speech.lips.audio_offset import MAX_SHIFT_FRAMES, best_offset, shift_earlier
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_features import SIDE_FRAMES, live_hidden_of
from instag.speech.lips.network import CODES, CURVES, LipModel
from instag.types import FPS, SAMPLE_RATE, SAMPLES

PENALTY, PENALTY_FRAMES = 6.0, 150
"""The ridge penalty, in the variance of a hidden feature over so many frames: five seconds and
their silence; more frames weigh more against it. Of 16 people left out, 5 to 20 do alike for five
seconds; for fifteen less is better."""
BIAS_PENALTY = 0.1
"""Share of the penalty on the bias."""
LIVE_SHARE, LIVE_LOOK_AHEAD = 0.8, 8
"""Each frame counts so much as live sound tells it, and else as the whole file does. Of five frames
that one live window tells, the middle one has so many steps of look-ahead."""
SILENT_SHARE = 0.2
"""Frames of silence that are added, for each frame seen."""
SMOOTHING_FRAMES = 0.7
"""Gaussian's deviation: faster motion is the detector's error."""
QUANTILES = 13
"""So many, from 2 % to 98 %, of the predicted aperture are brought to those of the seen one ..."""
TOWARD_SEEN = 0.7
"""... by this share. Predictions are timid: their lips never quite close. All of it would follow
the noise of a few seconds."""
CLOSING = 0.1
"""The lowest aperture is brought toward a quantile that is so much lower, those up to the median by
less: a mean of closed and open lips is open lips. On 16 people left out 0.74 of the closures are
found, not 0.63, and 0.83 of the predicted ones are true, not 0.88; correlation and distances stay.
"""
USUAL_MOVEMENT, USUAL_WEIGHS_S = 0.055, 2.2
"""Deviation of the aperture of people who speak, eye distances; and so many seconds of a person
weigh as much. On 44 people left out, regressions on 3 to 10 s give weights of 1.9 to 3 s."""
LEAST_MOVEMENT, HELD_QUANTILES = 0.01, 4
"""Movement counts as no less. The lowest quantile stays, and from this one on all change wholly:
lips that close go on to close."""
MAX_SEEN_CODES = 500
"""Seen codes that an adapter keeps, at even steps."""
WIDEN_SHARE, MAX_WIDENING = 0.5, 2.0
"""The mouth's width is predicted more timidly still. It is enlarged by this share toward the seen
movement, and at most so many times."""


def fit_speaker_adapter(
    waveform: Float[Tensor, " samples"],
    codes: LipCodes,
    frames: range,
    *,
    curves: Float[np.ndarray, "f 3"] | None = None,
    front_end: LipCodeFrontEnd | None = None,
) -> SpeakerAdapter:
    """From a clip's sound and the codes of its training frames.

    curves: those of the lips (`lips.audio_offset`), where a remaining delay of the sound is to be
    found first.
    """
    front_end = (LipCodeFrontEnd() if front_end is None else front_end).calibrated(waveform)
    # Later sound changes nothing in these frames, and ten minutes of it take half a minute.
    waveform = waveform[
        : round(((frames.stop + MAX_SHIFT_FRAMES + 1) / FPS + front_end.lookahead) * SAMPLE_RATE)
    ]
    waveform = pad(waveform, (0, max(0, frames.stop * SAMPLES - len(waveform))))
    late_ms = 0.0 if curves is None else _late_ms(waveform, curves, frames, front_end)
    waveform = shift_earlier(waveform, late_ms)
    silent = front_end.hidden(torch.zeros(2 * SAMPLE_RATE))
    return adapter_from_hidden(
        front_end.hidden(waveform)[frames.start : frames.stop],
        live_hidden_once(front_end, waveform, frames),
        silent[len(silent) // 2],
        codes.code[frames.start : frames.stop],
        front_end.model,
        rest_aperture=codes.rest_aperture,
        late_ms=late_ms,
    )


def live_hidden_once(
    front_end: LipCodeFrontEnd, waveform: Float[Tensor, " samples"], frames: range
) -> Float[Tensor, "f n"]:
    """Hidden features of frames as live sound tells them: from windows that end at every fifth
    frame, the five frames of each, with 80 to 240 ms of look-ahead."""
    told = 2 * SIDE_FRAMES + 1
    middles = range(frames.start + SIDE_FRAMES, frames.stop + SIDE_FRAMES, told)
    heard = live_hidden_of(
        front_end.encoder, front_end.model, waveform * front_end.gain, LIVE_LOOK_AHEAD, middles
    )
    return heard.flatten(0, 1)[: len(frames)]


def adapter_from_hidden(
    found: Float[Tensor, "f n"],
    live: Float[Tensor, "f n"],
    silence: Float[Tensor, " n"],
    shown: Float[Tensor, "f k"],
    model: LipModel,
    *,
    rest_aperture: float,
    late_ms: float = 0.0,
) -> SpeakerAdapter:
    """From the networks' hidden features of the voice in some frames, by the file and live, and of
    silence, and the codes that those frames show."""
    silent = silence.expand(round(SILENT_SHARE * len(found)), -1)
    weights, bias = (part[..., CURVES:] for part in model.head())
    seen = torch.from_numpy(gaussian_filter1d(shown.numpy(), SMOOTHING_FRAMES, axis=0))
    middle = seen.mean(0)
    size = ((seen - middle).square().sum(1).mean() / CODES).sqrt().clamp_min(1e-6)
    target = torch.cat([seen - middle, seen - middle, (-middle).expand(len(silent), -1)]) / size
    hidden = torch.cat([found, live, silent])
    shares = torch.tensor([1 - LIVE_SHARE, LIVE_SHARE, 1.0])
    counts = shares.repeat_interleave(torch.tensor([len(found), len(live), len(silent)]))
    residual = target - (hidden @ weights + bias)
    own_weights, own_bias = _own_map(hidden, residual, counts, found, len(model.networks))
    weights = (weights + own_weights) * size
    bias = (bias + own_bias) * size
    bias = bias + middle
    aperture, width = model.aperture, model.mouth_width
    # Along what goes with an open or a wide mouth in the seen frames, not the nearest code: lips
    # that part alone, with the chin at rest, are no face's motion.
    opening, widening = (_along(seen - middle, what) for what in (aperture, width))
    predicted = unsharp(found @ weights + bias) @ width
    more = WIDEN_SHARE * float(
        ((seen @ width).std() / predicted.std().clamp_min(1e-9) - 1).clamp(0, MAX_WIDENING - 1)
    )
    weights, bias = (
        weights + more * torch.outer(weights @ width, widening),
        bias + more * (bias @ width - predicted.mean()) * widening,
    )
    return SpeakerAdapter(
        weights=weights,
        bias=bias,
        rest_aperture=rest_aperture,
        aperture_map=_aperture_map(unsharp(found @ weights + bias) @ aperture, seen @ aperture),
        opening=opening,
        audio_late_ms=late_ms,
        seen_codes=shown[:: -(-len(shown) // MAX_SEEN_CODES)].clone(),
        weights_id=model.weights_id,
    )


def _own_map(
    hidden: Float[Tensor, "m n"],
    residual: Float[Tensor, "m k"],
    counts: Float[Tensor, " m"],
    found: Float[Tensor, "f n"],
    networks: int,
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " k"]]:
    """Weights and bias that add what the networks' own map leaves, the mean of those of each
    network by itself."""
    each = hidden.shape[1] // networks
    own = [
        _ridge(hidden[:, part], residual, counts, found[:, part])
        for part in (slice(net * each, (net + 1) * each) for net in range(networks))
    ]
    weights = torch.cat([part for part, _ in own]) / networks
    return weights, torch.stack([part for _, part in own]).mean(0)


def _late_ms(
    waveform: Float[Tensor, " samples"],
    curves: Float[np.ndarray, "f 3"],
    frames: range,
    front_end: LipCodeFrontEnd,
) -> float:
    """How much later than the lips the sound is, from the training frames; 0 where they are not
    sure."""
    predicted = front_end.curves(waveform)[frames.start : frames.stop].numpy()
    found = best_offset(predicted, curves[frames.start : frames.stop])
    return found.ms if found is not None and found.sure else 0.0


def _along(varied: Float[Tensor, "f k"], what: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Change of these codes, around their mean, that goes with a change of `what` by 1."""
    along = varied.T @ (varied @ what)
    return along / (along @ what).clamp_min(1e-9)


def _aperture_map(
    predicted: Float[Tensor, " f"], seen: Float[Tensor, " f"]
) -> Float[Tensor, "q 2"]:
    """Quantiles of the predicted aperture, and where each is brought."""
    at = torch.linspace(0.02, 0.98, QUANTILES)
    lower = CLOSING * (1 - 2 * at).clamp_min(0)
    start, end = predicted.quantile(at), seen.quantile((at - lower).clamp_min(0))
    toward_seen = torch.stack([start, start + TOWARD_SEEN * (end - start)], dim=1)
    return toward_usual_movement(toward_seen, predicted)


def toward_usual_movement(
    aperture_map: Float[Tensor, "q 2"], predicted: Float[Tensor, " f"]
) -> Float[Tensor, "q 2"]:
    """A few seconds show more or less movement than the person's others: the fewer they are, the
    more it counts what is usual."""
    start, end = aperture_map.T
    movement = piecewise_linear(predicted, aperture_map).std().clamp_min(LEAST_MOVEMENT)
    share = 1 / (1 + len(predicted) / FPS / USUAL_WEIGHS_S)
    factor = (USUAL_MOVEMENT / movement) ** share
    moved = (torch.arange(len(end)) / HELD_QUANTILES).clamp(max=1)
    spread = end + moved * (factor - 1) * (end - end.median())
    return torch.stack([start, spread.cummax(0).values], dim=1)  # held quantiles are not overtaken


def _ridge(
    hidden: Float[Tensor, "f n"],
    residual: Float[Tensor, "f k"],
    counts: Float[Tensor, " f"],
    found: Float[Tensor, "g n"],
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " k"]]:
    """Weights and bias for the residual. counts: how much each frame does. found: the frames that
    set mean and deviation."""
    mean, spread = found.mean(0), found.std()
    given = torch.cat([(hidden - mean) / spread, torch.ones(len(hidden), 1)], dim=1).double()
    counted = given.T * counts
    penalty = torch.full((given.shape[1],), PENALTY * PENALTY_FRAMES, dtype=torch.float64)
    penalty[-1] *= BIAS_PENALTY
    solved = torch.linalg.solve(
        counted @ given + penalty.diag(), counted @ residual.double()
    ).float()
    weights = solved[:-1] / spread
    return weights, solved[-1] - mean @ weights
