"""Lessons of the lip networks: what they get and what lips did then, drawn in crops.

Whole crops are of sound that is known to its end, as in a file. Live crops end with the sound heard
so far: beyond it the input is 0, and each of the last frames was heard with another look-ahead.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.speech.lips.live_features import LIVE_STEPS
from instag.speech.lips.network import (
    CODES,
    MARGIN_FRAMES,
    STEPS_PER_FRAME,
    interpolate_at,
)
from lip_training.basis import Basis, code_of
from lip_training.people import Heard, Observed, smooth
from lip_training.sounds import LEAD, REST, Draw

TEMPO = 0.1
"""Crops are faster or slower by up to this share."""
CROP = 96
LIVE_TAUGHT = MARGIN_FRAMES
"""Frames before the end of a live crop that are taught."""
RESTING = 0.1
"""The share of crops that reach into the rest after a recording."""
EDGE = 2
"""Frames beside a recording's end in which nobody knows what the lips do."""


@final
@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant of a recording, in frames from -LEAD on. whole: its steps. live: windows that end
    before the steps `ends`. target: curves, code and voice in each frame. rest: as in Lesson."""

    whole: Float[Tensor, "c n"]
    live: Float[Tensor, "w c steps"]
    ends: Float[Tensor, " w"]
    stretch: float
    target: Float[Tensor, "16 f"]
    rest: Float[Tensor, " f"]


@final
@dataclass(kw_only=True)
class Learned:
    """A person to learn from. curves: as seen. lag: frames by which the sound is late. unit: curves
    and code in a person's deviations."""

    observed: Observed
    variants: list[Variant]
    unit: Float[Tensor, "f 15"]
    lag: float = 0.0

    @property
    def name(self) -> str:
        return self.observed.name

    def __len__(self) -> int:
        return len(self.observed)


@final
@dataclass(frozen=True, kw_only=True)
class Crops:
    """inputs: STEPS_PER_FRAME steps a frame. target: curves, code and voice; known: 1 where they
    count; seen: 1 where lips do what was seen, 0 in a lesson's rest."""

    inputs: Float[Tensor, "b c steps"]
    target: Float[Tensor, "b 16 f"]
    known: Float[Tensor, "b 1 f"]
    seen: Float[Tensor, "b 1 f"]


def learned(
    observed: Observed,
    heard: Sequence[Heard],
    basis: Basis,
    mean: Float[Tensor, " 384"],
    components: Float[Tensor, "384 c"],
) -> Learned:
    """mean, components: of the encoder's features."""
    unit, rest = unit_target(observed, basis)
    variants = [
        Variant(
            whole=((each.whole.float() - mean) @ components).T.contiguous(),
            live=((each.live.float() - mean) @ components).transpose(1, 2).contiguous(),
            ends=each.ends,
            stretch=each.stretch,
            target=lesson_target(unit, rest, observed.voiced, each),
            rest=each.rest,
        )
        for each in heard
    ]
    return Learned(observed=observed, variants=variants, unit=unit)


def unit_target(
    observed: Observed, basis: Basis
) -> tuple[Float[Tensor, "f 15"], Float[Tensor, " 15"]]:
    """Curves and code of each frame in the person's deviations from the mean, and those of lips at
    rest."""
    curves, code = smooth(observed.curves), smooth(code_of(observed, basis))
    shut = curves[:, 0].topk(max(1, len(curves) // 10), largest=False).indices
    resting = (curves[shut].median(0).values - curves.mean(0)) / curves.std(0)
    middle = code.mean(0)
    size = ((code - middle).square().sum(1).mean() / CODES).sqrt()
    unit = torch.cat([(curves - curves.mean(0)) / curves.std(0), (code - middle) / size], dim=1)
    return unit, torch.cat([resting, -middle / size])


def lesson_target(
    unit: Float[Tensor, "f 15"],
    rest: Float[Tensor, " 15"],
    voiced: Float[Tensor, " f"],
    heard: Heard,
) -> Float[Tensor, "16 f"]:
    """What was seen, eased into rest where the lesson rests; then, whether the person speaks."""
    seen = torch.cat([unit[:1].expand(LEAD, -1), unit, unit[-1:].expand(REST, -1)])
    eased = seen + heard.rest[:, None] * (rest - seen)
    voice = pad(voiced, (LEAD, REST)) * (heard.rest < 0.5)
    return torch.cat([eased, voice[:, None]], dim=1).T.contiguous()


def places_of(
    learned: Learned, variant: Variant, start: float, frames: int, rate: float
) -> Float[Tensor, " n"]:
    """Steps of a variant at STEPS_PER_FRAME places of each of some frames, from a frame of the
    recording on, at a tempo."""
    quarter = torch.arange(frames * STEPS_PER_FRAME) - (STEPS_PER_FRAME - 1) / 2
    middle = (start + 0.5 + learned.lag + LEAD) * STEPS_PER_FRAME
    return (middle + quarter * rate) * variant.stretch


def whole_inputs(
    learned: Learned, variant: Variant, start: float, frames: int, rate: float = 1.0
) -> Float[Tensor, "c n"]:
    """As of a file."""
    return interpolate_at(variant.whole, places_of(learned, variant, start, frames, rate))


def live_inputs(
    learned: Learned, variant: Variant, window: int, start: float, frames: int, rate: float = 1.0
) -> Float[Tensor, "c n"]:
    """As of sound that ends with a window, 0 beyond it."""
    first = float(variant.ends[window]) - LIVE_STEPS
    places = places_of(learned, variant, start, frames, rate) - first
    heard = (places >= 0) & (places <= LIVE_STEPS - 1)
    return interpolate_at(variant.live[window], places) * heard


def last_heard(learned: Learned, variant: Variant, window: int) -> float:
    """The frame of the recording in whose middle a window ends."""
    last = float(variant.ends[window]) / variant.stretch
    return last / STEPS_PER_FRAME - 0.5 - learned.lag - LEAD


def shares_of(people: Sequence[Learned]) -> Float[Tensor, " p"]:
    """How often each clip is drawn: people count by the root of their seconds."""
    seconds: dict[str, float] = {}
    for each in people:
        person = each.observed.person
        seconds[person] = seconds.get(person, 0.0) + len(each)
    return torch.tensor([len(each) / seconds[each.observed.person] ** 0.5 for each in people])


@final
@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Where a crop lies: from a frame of a person's recording on, at a tempo."""

    person: Learned
    variant: Variant
    start: float
    rate: float


def drawn_whole(people: Sequence[Learned], shares: Tensor, count: int, draw: Draw) -> Crops:
    """Crops of CROP frames."""
    crops = []
    for person in _drawn(people, shares, count, draw):
        variant = person.variants[draw.below(len(person.variants))]
        frames, rate = len(person), math.exp(draw.between(-TEMPO, TEMPO))
        start = -8 + draw() * max(1.0, frames + 16 - (CROP - 1) * rate)
        if draw() < RESTING:
            start = frames + REST - 1 - (CROP - 1) * rate - draw() * REST / 2
        crops.append(Drawn(person=person, variant=variant, start=start, rate=rate))
    inputs = interpolate_all([crop.variant.whole for crop in crops], _steps_of(crops, CROP))
    target, known, seen = _taught(crops, CROP)
    return Crops(inputs=inputs, target=target, known=known[:, None], seen=seen[:, None])


def drawn_live(people: Sequence[Learned], shares: Tensor, count: int, draw: Draw) -> Crops:
    """Crops that end with what was heard, of which the last LIVE_TAUGHT frames are taught; fewer
    than `count` where a variant that is drawn has no live window. Raises ValueError where none
    has."""
    crops, windows, firsts = [], [], []
    for person in _drawn(people, shares, count, draw):
        variant = person.variants[draw.below(len(person.variants))]
        if not len(variant.live):
            continue
        window, rate = draw.below(len(variant.live)), math.exp(draw.between(-TEMPO, TEMPO))
        last = last_heard(person, variant, window) - draw() * rate
        start = last - (2 * LIVE_TAUGHT - 1) * rate
        crops.append(Drawn(person=person, variant=variant, start=start, rate=rate))
        windows.append(variant.live[window])
        firsts.append(float(variant.ends[window]) - LIVE_STEPS)
    if not crops:
        raise ValueError(
            "No variant has a live window. Hear the clips anew, or take Recipe(live=0)."
        )
    frames = 2 * LIVE_TAUGHT + MARGIN_FRAMES
    places = _steps_of(crops, frames) - torch.tensor(firsts)[:, None]
    heard = (places >= 0) & (places <= LIVE_STEPS - 1)
    inputs = interpolate_all(windows, places) * heard[:, None]
    target, known, seen = _taught(crops, frames)
    counts = torch.zeros(frames)
    counts[LIVE_TAUGHT : 2 * LIVE_TAUGHT] = 1
    known, seen = known * counts, seen * counts
    return Crops(inputs=inputs, target=target, known=known[:, None], seen=seen[:, None])


def interpolate_all(
    sequences: Sequence[Float[Tensor, "c n"]], places: Float[Tensor, "b m"]
) -> Float[Tensor, "b c m"]:
    """`interpolate_at` of each sequence at a row of places."""
    last = torch.tensor([sequence.shape[1] - 1 for sequence in sequences])[:, None]
    places = torch.minimum(places.clamp(min=0), last)
    before = torch.minimum(places.long(), (last - 1).clamp(min=0))
    share = (places - before)[:, None]
    one, two = (
        torch.stack([each[:, row] for each, row in zip(sequences, rows, strict=True)])
        for rows in (before, torch.minimum(before + 1, last))
    )
    return one * (1 - share) + two * share


def _drawn(people: Sequence[Learned], shares: Tensor, count: int, draw: Draw) -> list[Learned]:
    numbers = torch.multinomial(shares, count, replacement=True, generator=draw.generator)
    return [people[number] for number in numbers.tolist()]


def taught(person: Learned, variant: Variant, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Targets at places in frames, whether they count, and whether they were seen."""
    known = _known(places, torch.tensor(len(person)))
    resting = interpolate_at(variant.rest[None], places + LEAD)[0] > 0
    return interpolate_at(variant.target, places + LEAD), known, known * ~resting


def _taught(crops: Sequence[Drawn], frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same of the frames of crops."""
    starts, rates = _starts(crops)
    places = starts + torch.arange(frames) * rates
    known = _known(places, torch.tensor([len(crop.person) for crop in crops])[:, None])
    resting = interpolate_all([crop.variant.rest[None] for crop in crops], places + LEAD)[:, 0] > 0
    target = interpolate_all([crop.variant.target for crop in crops], places + LEAD)
    return target, known, known * ~resting


def _known(places: Float[Tensor, "*b n"], frames: Tensor) -> Float[Tensor, "*b n"]:
    """1 at places of a lesson, except beside the ends of its recording."""
    inside = (places > -LEAD) & (places < frames + REST - 1)
    edge = ((places + 0.5).abs() <= EDGE) | ((places - frames + 0.5).abs() <= EDGE)
    return (inside & ~edge).float()


def _steps_of(crops: Sequence[Drawn], frames: int) -> Float[Tensor, "b n"]:
    """`places_of` of each crop."""
    starts, rates = _starts(crops)
    lags = torch.tensor([crop.person.lag for crop in crops])[:, None]
    stretches = torch.tensor([crop.variant.stretch for crop in crops])[:, None]
    quarter = torch.arange(frames * STEPS_PER_FRAME) - (STEPS_PER_FRAME - 1) / 2
    return ((starts + 0.5 + lags + LEAD) * STEPS_PER_FRAME + quarter * rates) * stretches


def _starts(crops: Sequence[Drawn]) -> tuple[Float[Tensor, "b 1"], Float[Tensor, "b 1"]]:
    """And tempos."""
    pairs = torch.tensor([(crop.start, crop.rate) for crop in crops])
    return pairs[:, :1], pairs[:, 1:]
