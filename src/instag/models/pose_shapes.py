"""Pose shapes: how hair, ears and neck shift as the head turns, linear in the turn (as the pose
blendshapes of FLAME and SMPL are; docs/method.md#pose-shapes).

Hair that falls on shoulders stays behind when a head turns, and ears and the edge of the neck do
not lie quite where they were taken to lie: a rigid head draws all of them blurred, or twice. The
skin of the face follows speech and expression alone: its shapes are 0.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from instag.models.mlp import mlp
from instag.models.triplane import TriPlane
from instag.ops.easing import smoothstep

TURN_UNIT = 0.15
"""Sine of the angle of a turn of 1, about each axis of the camera."""
SHAPE_UNIT = 1e-2
"""Metres that an output of 1 shifts a Gaussian at a turn of 1."""
ON_SKIN, OFF_SKIN = 8e-3, 2e-2
"""Metres to the nearest landmark: nearer than the one nothing shifts, farther than the other all of
the shape counts."""
SEEN = (0.01, 0.99)
"""Quantiles of the turns that a head learned from, beyond which shapes move no further."""
AT_REST = 0.02
"""Factor on the first weights of the last layer: shapes begin near 0."""
SIDE = 40
"""Of the grid that holds how far off the skin a place is; some 5 mm apart."""


@final
class PoseShapes(nn.Module):
    """A tri-plane encoding and a small network, a person's own.

    usual: the mean rotation from world to camera. turns: least and most turn about each axis. Both
    of the frames that the head learns from. off_skin: 0 on the face's skin, 1 off it, in a grid
    (z, y, x) over `box`, least and most coordinates in metres; around it all is off the skin.
    """

    usual: Tensor
    turns: Tensor
    off_skin: Tensor
    box: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.encoding = TriPlane(16, 38.4)
        self.network = mlp(36, 32, 9)
        with torch.no_grad():
            self.network.get_parameter("2.weight").mul_(AT_REST)
        self.register_buffer("usual", torch.eye(3))
        self.register_buffer("turns", torch.zeros(2, 3))
        self.register_buffer("off_skin", torch.ones(SIDE, SIDE, SIDE))
        self.register_buffer("box", torch.tensor([[-1.0], [1.0]]).repeat(1, 3))

    @torch.no_grad()
    def observe(self, skin: Float[Tensor, "p 3"], viewmats: Float[Tensor, "f 4 4"]) -> None:
        """Take over where the skin is and how the head turns in the frames to learn from. skin:
        points at rest, metres."""
        self.box.copy_(torch.stack([skin.amin(0) - OFF_SKIN, skin.amax(0) + OFF_SKIN]))
        x, y, z = (
            torch.linspace(least, most, SIDE, device=skin.device)
            for least, most in self.box.T.tolist()
        )
        for layer, depth in zip(self.off_skin, z, strict=True):
            places = torch.cartesian_prod(depth[None], y, x).flip(1)
            nearest = torch.cdist(places, skin).amin(dim=1)
            share = ((nearest - ON_SKIN) / (OFF_SKIN - ON_SKIN)).clamp(0, 1)
            layer.copy_(smoothstep(share).view(SIDE, SIDE))
        self.usual.copy_(mean_rotation(viewmats[:, :3, :3]))
        seen = self._turn(viewmats)
        self.turns.copy_(torch.quantile(seen, seen.new_tensor(SEEN), dim=0))

    def shapes(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
        """Shifts in metres for a turn of 1 about each axis. points: metres, the head at rest."""
        off = self._off_skin(points)
        if points.device.type != "cpu":
            return self._shapes_off(points, off)
        # Most Gaussians lie on the skin. (Shapes of a CUDA graph must not depend on which.)
        rows = off.nonzero()[:, 0]
        found = self._shapes_off(points[rows], off[rows])
        return points.new_zeros(len(points), 3, 3).index_copy(0, rows, found)

    def _shapes_off(
        self, points: Float[Tensor, "n 3"], off: Float[Tensor, " n"]
    ) -> Float[Tensor, "n 3 3"]:
        raw = self.network(self.encoding(points)).view(-1, 3, 3)
        return raw * (SHAPE_UNIT * off)[:, None, None]

    def turn(self, viewmats: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b 3"]:
        """How far a head is turned from its usual pose, within what it learned from."""
        return self._turn(viewmats).clamp(self.turns[0], self.turns[1])

    def _turn(self, viewmats: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b 3"]:
        difference = viewmats[:, :3, :3] @ self.usual.mT
        skew = (difference - difference.mT) / (2 * TURN_UNIT)
        return torch.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], dim=1)

    @torch.no_grad()
    def _off_skin(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """0 on the face's skin, 1 off it."""
        units = 2 * (points - self.box[0]) / (self.box[1] - self.box[0]) - 1
        return grid_sample(
            self.off_skin[None, None],
            units[None, None, None],
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        ).flatten()


def shifted(shapes: Float[Tensor, "n 3 3"], turn: Float[Tensor, "b 3"]) -> Float[Tensor, "b n 3"]:
    """Shifts in metres of points with these shapes."""
    return (turn @ shapes.transpose(0, 1).flatten(1)).view(len(turn), -1, 3)


def mean_rotation(rotations: Float[Tensor, "f 3 3"]) -> Float[Tensor, "3 3"]:
    """The rotation nearest to the mean of some that lie within a half turn of each other."""
    left, _, right = torch.linalg.svd(rotations.double().mean(0))
    return (left @ right).to(rotations)
