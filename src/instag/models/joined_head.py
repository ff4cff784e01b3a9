"""A joined head: face and mouth as one set of splats, in as few operations as there can be. What a
frame costs a GPU are its operations, not their size."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from instag.models.conditioning_encoders import WIDTH
from instag.models.face_field import SHIFT_UNIT, FixedPoints
from instag.models.head import Head, PointFeatures
from instag.models.mouth_field import HOOK_RANK, HOOK_SCALE, FixedPointsMouth
from instag.models.render_head import Layer, static_features
from instag.rendering import spherical_harmonics
from instag.types import Camera, Condition, Splats

_SHIFT, _ROTATION, _SCALE = range(3), range(3, 7), range(8, 11)
"""The outputs of the face's network that are applied."""


@final
class JoinedHead:
    """Evaluates the fields at every Gaussian. The numbers of `render_head.layers`, but for
    rounding, and quaternions of any length."""

    def __init__(self, head: Head, *, degree: int) -> None:
        """degree: of the spherical harmonics."""
        static, face, mouth = static_features(head), head.face.gaussians, head.mouth.gaussians
        self.counts, self._head = (len(face), len(mouth)), head
        self._face = _FixedPointsFace(head, static.face)
        self._pose_shapes = static.face.pose_shapes
        self._mouth = FixedPointsMouth(head.mouth.field, static.mouth)
        self._mouth_means = mouth.means.detach()
        self._opacities = torch.sigmoid(torch.cat([face.opacity, mouth.opacity]).detach())
        self._mouth_rest = mouth.raw()[:, 3:]
        self._shades = _Shades(torch.cat([face.coefficients(degree), mouth.coefficients(degree)]))

    def __call__(self, condition: Condition, camera: Camera) -> Layer:
        """The face, then the mouth. All shapes depend on the arguments' shapes alone."""
        frames = len(camera.viewmats)
        of_face, hook = self._face(self._head.face.encode_conditioning(condition))
        speech = self._head.mouth.field.speech(condition.speech)
        mouth_means = self._mouth_means + self._mouth.shift(speech, hook)
        rest = self._mouth_rest.expand(frames, -1, -1)
        turned = self._head.face.turned(of_face[..., :3], self._pose_shapes, camera.viewmats)
        means = torch.cat([turned, mouth_means], dim=1)
        quats = torch.cat([of_face[..., 3:7], rest[..., :4]], dim=1)
        scales = softplus(torch.cat([of_face[..., 7:], rest[..., 4:]], dim=1))
        opacities = self._opacities.expand(frames, -1)
        splats = Splats(means=means, quats=quats, scales=scales, opacities=opacities)
        return Layer(splats=splats, colors=self._shades(means, camera))


@final
class _FixedPointsFace:
    """A face evaluated at its Gaussians in many frames: what no frame changes is computed once, and
    the hook's shifts beside the others."""

    def __init__(self, head: Head, features: PointFeatures) -> None:
        field, gates = head.face.field, features.features
        codes = gates.speech_gate.shape[1] + gates.expression_gate.shape[1]
        self._first_layer = FixedPoints(field, gates).first_layer
        self._inner = field.motion[1:4]
        self._last = field.motion.get_parameter("4.weight")[[*_SHIFT, *_ROTATION, *_SCALE]].T
        self._raw = head.face.gaussians.raw()
        gain = features.gain * SHIFT_UNIT
        self._gain = torch.cat([gain, torch.ones_like(self._raw[:, 3:])], dim=1)
        every = self._raw.new_ones(codes)
        alone = torch.arange(codes, device=every.device) < WIDTH
        self._masks = torch.stack([every, every * alone])
        self._signs = every.new_tensor([1.0, -1.0])[:, None, None]
        self._hook = every.new_tensor([[1.0, 0.0, 1.0], [0.0, -1.0, 1.0]]) * SHIFT_UNIT * HOOK_SCALE

    def __call__(
        self, codes: Float[Tensor, "b codes"]
    ) -> tuple[Float[Tensor, "b n 10"], Float[Tensor, "b 3"]]:
        """Centres, raw quaternions and raw scales; and the hook."""
        frames = len(codes)
        both = (self._masks[:, None] * codes).flatten(0, 1)
        out = self._inner(self._first_layer(both)) @ self._last
        moved = torch.addcmul(self._raw, out[:frames], self._gain)
        vertical = out[frames:, :, 1] * self._signs
        rank = min(HOOK_RANK, vertical.shape[-1])
        return moved, vertical.topk(rank).values[..., -1].T @ self._hook


@final
class _Shades:
    """Colours of splats as a camera sees them."""

    def __init__(self, coefficients: Float[Tensor, "n k 3"]) -> None:
        self._coefficients = coefficients.detach()
        self._linear = coefficients.shape[1] == 4
        if self._linear:
            self._plain, slopes = spherical_harmonics.linear(self._coefficients)
            self._slopes = slopes.contiguous().unbind(1)

    def __call__(self, means: Float[Tensor, "b n 3"], camera: Camera) -> Float[Tensor, "b n 3"]:
        directions = spherical_harmonics.directions(means, camera.viewmats)
        if not self._linear:
            return spherical_harmonics.colors(self._coefficients, directions)
        colors = self._plain
        for along, slope in zip(directions.split(1, -1), self._slopes, strict=True):
            colors = torch.addcmul(colors, along, slope)
        return colors.clamp_min(0)
