"""Composition of layers, back to front: backdrop, torso, inside of the mouth, face (METHOD 4)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

DILATION = 13
"""Pixels: the window that `--dilate` widens the mouth's alpha with."""


def over(front: Float[Tensor, "b h w c"], alphas: Float[Tensor, "b h w"], behind: Float[Tensor, "*any h w c"]) -> Float[Tensor, "b h w c"]:
    """`front`, already multiplied by its alpha, laid over `behind`."""
    return front + (1 - alphas[..., None]) * behind


def dilate(alphas: Float[Tensor, "b h w"], window: int = DILATION) -> Float[Tensor, "b h w"]:
    """The largest alpha in a `window` x `window` square (odd, pixels) around each pixel."""
    rows = F.max_pool2d(alphas[:, None], (1, window), 1, (0, window // 2))
    return F.max_pool2d(rows, (window, 1), 1, (window // 2, 0))[:, 0]


def behind_head(torso: Float[Tensor, "b h w 4"], backdrop: Float[Tensor, "*any h w 3"]) -> Float[Tensor, "b h w 3"]:
    """Torso frames (RGBA, not multiplied by alpha) over the backdrop."""
    return over(torso[..., :3] * torso[..., 3:], torso[..., 3], backdrop)


def compose(
    *,
    face: Float[Tensor, "b h w 3"],
    face_alphas: Float[Tensor, "b h w"],
    mouth: Float[Tensor, "b h w 3"],
    mouth_alphas: Float[Tensor, "b h w"],
    behind: Float[Tensor, "*any h w 3"],
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """The whole frame: mouth over `behind` (torso and backdrop), face over that. Layers are multiplied by their alpha.

    dilation: pixels of the window that widens the mouth's alpha, so that no torso shines through parted lips; 0 for none.
    """
    if dilation:
        mouth_alphas = dilate(mouth_alphas, dilation)
    return over(face, face_alphas, over(mouth, mouth_alphas, behind))
