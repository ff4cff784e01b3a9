# pyright: strict, reportMissingTypeArgument=false
"""The values that pass between the parts: conditions, cameras, splats, renderings, and the labels
of a picture's regions.

Pictures are channels-last, `b h w 3`, RGB, in [0, 1] as floats or 0..255 as uint8. World: metres,
the head at the origin, x right, y up, z out of the face. Cameras: x right, y down, z forward, as
rasterizers want them. What needs no Torch lies in `observed.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from instag.observed import FPS as FPS
from instag.observed import HEAD_REGIONS as HEAD_REGIONS
from instag.observed import LANDMARKS as LANDMARKS
from instag.observed import SAMPLE_RATE as SAMPLE_RATE
from instag.observed import SAMPLES as SAMPLES
from instag.observed import Region as Region
from instag.observed import Track as Track

WINDOWS = 8
"""Windows seen for frame t: those of frames t-4 .. t+3."""


LIP_CODES = 12
"""Numbers of a lip code, the motion of the lower face."""


BLINK = "AU45"
"""The action unit of the closing eyelids."""


BLINK_LIMIT = 2.0
"""AU45 that counts as closed eyes."""


EXPRESSION_UNITS = ("AU01", "AU04", "AU05", "AU06", "AU07", BLINK)
"""The action units that drive a face unless an avatar names others: OpenFace intensities 0..5;
AU45 is clipped to [0, 2] (docs/method.md#networks)."""


OPEN_EYE_UNITS = ("AU05", "AU07")
"""Units that only open eyes show, a raised upper lid and a tightened lower one: closed eyes are
measured as 0 in both."""


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """What drives a motion field, besides the expression.

    kind: features of speech, or codes of the lips' motion, which speech or a video can give.
    channels, steps: numbers and time steps of one frame's window.
    """

    kind: Literal["audio", "lip_codes"]
    channels: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The values of one batch of frames that drive a motion field. speech: windows of features as
    Conditioning describes them. expression: intensities of the units that the head names."""

    speech: Float[Tensor, "b 8 channels steps"]
    expression: Float[Tensor, "b u"]


def cat_conditions(parts: Sequence[Condition]) -> Condition:
    """What drives several batches of frames, in their order."""
    return Condition(
        speech=torch.cat([part.speech for part in parts]),
        expression=torch.cat([part.expression for part in parts]),
    )


def blinked(
    expression: Float[Tensor, "b u"],
    blink: Float[Tensor, " b"],
    units: tuple[str, ...] = EXPRESSION_UNITS,
) -> Float[Tensor, "b u"]:
    """Expressions with another AU45, as they would be measured: closing eyes are neither wide nor
    narrowed from below. `units` names the columns; without AU45 nothing changes."""
    if BLINK not in units:
        return expression
    open_share = 1 - (blink / BLINK_LIMIT).clamp(0, 1)
    columns = dict(zip(units, expression.unbind(1), strict=True)) | {BLINK: blink}
    closing = {unit: columns[unit] * open_share for unit in OPEN_EYE_UNITS if unit in columns}
    return torch.stack([*(columns | closing).values()], dim=1)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A batch of pinhole cameras that share a picture size.

    viewmats: world to camera. Ks: focal lengths and principal points in pixels; pixel centres lie
    at +0.5.
    """

    viewmats: Float[Tensor, "b 4 4"]
    Ks: Float[Tensor, "b 3 3"]
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Splats:
    """Activated Gaussians, as a rasterizer takes them: one set for each frame of a batch.

    means: centres in metres, world. quats: unit, wxyz. scales: standard deviations in metres.
    opacities: [0, 1].
    """

    means: Float[Tensor, "b n 3"]
    quats: Float[Tensor, "b n 4"]
    scales: Float[Tensor, "b n 3"]
    opacities: Float[Tensor, "b n"]


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """The output of a renderer for a batch of frames.

    colors: sum of weight x colour, no background. detached: the same for the channels whose
    gradient must not reach the geometry (no channels where none were given). alphas: [0, 1].
    depths: expected distance along the camera's z in metres, sum of weight x z over alpha, 0 where
    alpha is 0. means2d: projected centres in pixels; density control reads its `.grad` after a
    backward pass. radii: largest half extent in pixels, 0 for a culled splat.
    """

    colors: Float[Tensor, "b h w c"]
    detached: Float[Tensor, "b h w k"]
    alphas: Float[Tensor, "b h w"]
    depths: Float[Tensor, "b h w"]
    means2d: Float[Tensor, "b n 2"]
    radii: Float[Tensor, "b n"]
