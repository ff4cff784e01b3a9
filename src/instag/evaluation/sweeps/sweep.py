"""Sweeps: sequences of conditions and poses that go, step by step, as far as anybody may ask of a
head."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.avatar import Avatar
from instag.ops.rotations import rotation_vector_to_matrix
from instag.synthesis.pose_interpolation import nearest_rigid
from instag.types import BLINK, BLINK_LIMIT, WINDOWS, Condition, blinked

STEPS: Final = 21
"""Frames of a sweep from end to end."""
DEVIATIONS: Final = 2.5
"""Deviations to which each number of a lip code goes, either way."""
STRONGEST: Final = 5.0
"""Strength to which each action unit but the blink goes."""
TURNS: Final = {"pitch": 10.0, "yaw": 15.0, "roll": 10.0}
"""Degrees to which the head turns about its x, y and z, either way."""
MIXTURES, BETWEEN = 8, 6
"""Random mixtures of everything, and frames from each to the next."""

Kind = Literal["codes", "units", "turns", "mixtures"]


@final
@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A row a frame. name: what changes. viewmats: world to camera, OpenCV."""

    name: str
    kind: Kind
    condition: Condition
    viewmats: Float[Tensor, "s 4 4"]

    def __len__(self) -> int:
        """Frames."""
        return len(self.viewmats)


@final
@dataclass(frozen=True, kw_only=True)
class Rest:
    """Where every sweep begins: the mean of the taught poses, the median of the taught expressions,
    and the mean lip code or sound."""

    speech: Float[Tensor, "channels steps"]
    deviation: Float[Tensor, " channels"] | None
    """Of lip codes; None for a head that is driven by sound."""
    expression: Float[Tensor, " u"]
    units: tuple[str, ...]
    viewmat: Float[Tensor, "4 4"]


def rest_of(avatar: Avatar) -> Rest:
    """On the CPU."""
    level, driven_by = avatar.head.face.field.speech.level.cpu(), avatar.conditioning
    coded = driven_by.kind == "lip_codes"
    mean = level[0][:, None] if coded else level[0].expand(driven_by.channels, driven_by.steps)
    return Rest(
        speech=mean,
        deviation=level[1] if coded else None,
        expression=avatar.expression.cpu().median(0).values,
        units=avatar.info.expression_units,
        viewmat=nearest_rigid(avatar.viewmats.cpu().mean(0, keepdim=True))[0],
    )


def sweeps_of(avatar: Avatar, seed: int = 0) -> list[Sweep]:
    """Each number of the lip code from -2.5 to 2.5 deviations (of heads that are driven by them),
    each action unit from 0 to 5 (the blink to 2), yaw from -15 to 15 degrees, pitch and roll from
    -10 to 10, and a way through random mixtures of all these."""
    rest = rest_of(avatar)
    return [*_code_sweeps(rest), *_unit_sweeps(rest), *_turn_sweeps(rest), _mixtures(rest, seed)]


def _code_sweeps(rest: Rest) -> list[Sweep]:
    if rest.deviation is None:
        return []
    steps = torch.linspace(-DEVIATIONS, DEVIATIONS, STEPS)
    return [
        _sweep(f"code {number}", "codes", rest, codes=steps[:, None] * direction)
        for number, direction in enumerate(torch.eye(len(rest.deviation)))
    ]


def _unit_sweeps(rest: Rest) -> list[Sweep]:
    return [
        _sweep(unit, "units", rest, expression=_with_unit(rest, unit, STEPS)) for unit in rest.units
    ]


def _turn_sweeps(rest: Rest) -> list[Sweep]:
    return [
        _sweep(name, "turns", rest, turns=torch.linspace(-most, most, STEPS)[:, None] * axis)
        for (name, most), axis in zip(TURNS.items(), torch.eye(3), strict=True)
    ]


def _mixtures(rest: Rest, seed: int) -> Sweep:
    """From one random mixture to the next along straight lines."""
    random = torch.Generator().manual_seed(seed)

    def way(low: Tensor, high: Tensor) -> Tensor:
        places = low + torch.rand(MIXTURES, len(low), generator=random) * (high - low)
        share = torch.arange(BETWEEN)[:, None] / BETWEEN
        legs = [torch.lerp(a, b, share) for a, b in pairwise(places)]
        return torch.cat([*legs, places[-1:]])

    most = torch.tensor([BLINK_LIMIT if unit == BLINK else STRONGEST for unit in rest.units])
    turns = torch.tensor(list(TURNS.values()))
    far = torch.full((0 if rest.deviation is None else len(rest.deviation),), DEVIATIONS)
    codes = way(-far, far)
    return _sweep(
        "mixtures",
        "mixtures",
        rest,
        codes=None if rest.deviation is None else codes,
        expression=way(torch.zeros_like(most), most),
        turns=way(-turns, turns),
    )


def _with_unit(rest: Rest, unit: str, steps: int) -> Float[Tensor, "s u"]:
    """The resting expression with one unit from 0 to its most."""
    expression = rest.expression.repeat(steps, 1)
    if unit == BLINK:
        return blinked(expression, torch.linspace(0, BLINK_LIMIT, steps), rest.units)
    expression[:, rest.units.index(unit)] = torch.linspace(0, STRONGEST, steps)
    return expression


def _sweep(
    name: str,
    kind: Kind,
    rest: Rest,
    *,
    codes: Float[Tensor, "s k"] | None = None,
    expression: Float[Tensor, "s u"] | None = None,
    turns: Float[Tensor, "s 3"] | None = None,
) -> Sweep:
    """Rest, but for what is given. codes: deviations. turns: degrees about the head's axes."""
    given = next(each for each in (codes, expression, turns) if each is not None)
    speech = rest.speech.expand(len(given), *rest.speech.shape)
    if codes is not None and rest.deviation is not None:
        speech = speech + (codes * rest.deviation)[..., None]
    viewmats = rest.viewmat.repeat(len(given), 1, 1)
    if turns is not None:
        viewmats[:, :3, :3] = viewmats[:, :3, :3] @ rotation_vector_to_matrix(turns.deg2rad())
    return Sweep(
        name=name,
        kind=kind,
        condition=Condition(
            speech=speech[:, None].expand(-1, WINDOWS, -1, -1).contiguous(),
            expression=rest.expression.repeat(len(given), 1) if expression is None else expression,
        ),
        viewmats=viewmats,
    )
