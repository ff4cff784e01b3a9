"""Photometric measurements: displacements of the model's vertices that bring their colours and the
picture together.

Every visible vertex's colour (albedo x irradiance, Lambertian) is compared with the blurred frame
at its projection; the frame's gradient gives the displacement. So nothing is rendered, and
landmarks and colours give equations of one form.
"""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample, normalize

from instag.capture.tracking.bfm.basel import BaselModel, Bases
from instag.capture.tracking.bfm.fit import Fit, Measurements, project
from instag.capture.tracking.bfm.shading import fit_light, fit_texture, harmonics

POINTS = 2000
"""Vertices that are compared, chosen at random over the model."""
EFFECTIVE_VERTICES = 200.0
"""Total weight of a frame's visible vertices, as a number of independent ones: errors of
neighbours are correlated."""
MIN_COSINE = 0.3
"""Cosine between a vertex's normal and the line of sight above which it is visible."""
OCCLUSION_DEPTH = 0.01
"""Metres behind the nearest vertex in its cell of the picture beyond which a vertex is occluded."""
BLUR_SIGMA = 1.5
"""Standard deviation of the blur in pixels of a 512 x 512 picture: about the distance of the
model's vertices."""
BORDER_EDGES = 2
"""Vertices within this many edges of the mesh's border are not compared: there the blur mixes in
what lies beside the face."""
MIN_DEVIATION = 0.01
OUTLIER_SCALE = 2.0
"""Scale of the Cauchy weights, in standard deviations of a colour: outliers are hair, glasses,
hands."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The compared vertices in some frames. seen: whether each is visible. basis: spherical
    harmonics of its normal, cosine-weighted. colors: sampled from the frame, RGB in [0, 1]."""

    seen: Bool[Tensor, "f p"]
    basis: Float[Tensor, "f p 9"]
    colors: Float[Tensor, "f p 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Skin:
    """The compared vertices. chosen: their indices in the model; points, albedo_mean, albedo: of
    these alone, in float64. size: the picture's side in pixels."""

    model: BaselModel
    chosen: Tensor
    points: Bases
    albedo_mean: Float[Tensor, "p 3"]
    albedo: Float[Tensor, "p t 3"]
    size: int

    @classmethod
    def of(cls, model: BaselModel, size: int) -> "Skin":
        inner = np.flatnonzero(
            ~_near_the_border(model.triangles.cpu().numpy(), len(model.shape.mean))
        )
        chosen = torch.as_tensor(
            np.sort(np.random.default_rng(0).permutation(inner)[:POINTS]), device=model.keys.device
        )
        return cls(
            model=model,
            chosen=chosen,
            points=model.shape.at(chosen),
            albedo_mean=model.albedo_mean[chosen].double(),
            albedo=model.albedo[chosen].double(),
            size=size,
        )

    def albedo_at(self, texture: Float[Tensor, " t"]) -> Float[Tensor, "p 3"]:
        """Albedo, nominally in [0, 1], from texture coefficients in standard deviations."""
        return self.albedo_mean + torch.einsum("ptc,t->pc", self.albedo, texture)

    def observe(
        self,
        fit: Fit,
        frames: Float[Tensor, "f 3 h w"],
        found: Float[Tensor, " f"],
        center: Float[Tensor, "2"],
    ) -> Observation:
        """The vertices in these frames (from `blurred`); none is visible where `found` is 0."""
        seen, normals = visible(self.model, fit, center)
        pixels = project(self.points, fit, center).pixels
        inside = ((pixels > 2) & (pixels < self.size - 2)).all(-1)
        return Observation(
            seen=seen[:, self.chosen] & inside & (found > 0)[:, None],
            basis=harmonics(normals[:, self.chosen].double()),
            colors=sample(frames, pixels),
        )

    def light(
        self, observation: Observation, texture: Float[Tensor, " t"], before: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, "f 9 3"]:
        """The light of each frame, with robust weights under the light `before`."""
        albedo = self.albedo_at(texture)
        _, weights = _robust_weights(observation, albedo * (observation.basis @ before))
        return fit_light(albedo, observation.basis, observation.colors, weights)

    def texture(
        self, observation: Observation, texture: Float[Tensor, " t"], light: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, " t"]:
        """The texture that fits best under the light of each frame."""
        irradiance = observation.basis @ light
        deviation, weights = _robust_weights(observation, self.albedo_at(texture) * irradiance)
        return fit_texture(
            self.albedo_mean,
            self.albedo,
            irradiance,
            observation.colors,
            _vertex_weights(observation)[:, None] * weights / deviation[:, None] ** 2,
        )

    def measurements(
        self,
        fit: Fit,
        observation: Observation,
        frames: Float[Tensor, "f 3 h w"],
        texture: Float[Tensor, " t"],
        light: Float[Tensor, "f 9 3"],
        center: Float[Tensor, "2"],
    ) -> Measurements:
        """Measurements of the vertices. `observation` is of the same fit and frames."""
        colors = self.albedo_at(texture) * (observation.basis @ light)
        deviation, weights = _robust_weights(observation, colors)
        weights = _vertex_weights(observation)[:, None] * weights / deviation[:, None] ** 2
        pixels = project(self.points, fit, center).pixels
        slopes = []
        for axis in range(2):
            step = torch.zeros(2, dtype=pixels.dtype, device=pixels.device)
            step[axis] = 1.0
            slopes.append((sample(frames, pixels + step) - sample(frames, pixels - step)) / 2)
        image_gradient = torch.stack(slopes, -2)
        gradient = (image_gradient @ (colors - observation.colors)[..., None])[..., 0]
        return Measurements(
            points=self.points,
            gradient=weights[..., None] * gradient,
            information=weights[..., None, None]
            * (image_gradient @ image_gradient.transpose(-1, -2)),
        )

    def error(
        self, observation: Observation, texture: Float[Tensor, " t"], light: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, " f"]:
        """The robust standard deviation of colours in each frame, in [0, 1]; 0 where nothing is
        visible."""
        return _robust_weights(observation, self.albedo_at(texture) * (observation.basis @ light))[
            0
        ] * observation.seen.any(1)


def blurred(
    frames: list[UInt8[np.ndarray, "h w 3"]], device: torch.device
) -> Float[Tensor, "f 3 h w"]:
    """RGB frames in [0, 1], blurred by about the distance of neighbouring vertices."""
    soft = [
        cv2.GaussianBlur(frame, (0, 0), BLUR_SIGMA * len(frame) / 512).transpose(2, 0, 1)
        for frame in frames
    ]
    return torch.as_tensor(np.stack(soft), device=device).float() / 255


def sample(
    frames: Float[Tensor, "f 3 h w"], pixels: Float[Tensor, "f p 2"]
) -> Float[Tensor, "f p 3"]:
    """Colours at pixels (centres at +0.5), bilinear, in float64."""
    size = pixels.new_tensor([frames.shape[3], frames.shape[2]])
    grid = (2 * pixels / size - 1).to(frames.dtype)
    return (
        grid_sample(frames, grid[:, None], align_corners=False, padding_mode="border")[:, :, 0]
        .transpose(1, 2)
        .double()
    )


def visible(
    model: BaselModel, fit: Fit, center: Float[Tensor, "2"]
) -> tuple[Bool[Tensor, "f v"], Float[Tensor, "f v 3"]]:
    """Which vertices are visible, and all unit normals in the camera's frame (x right, y up, z
    toward the camera).

    A vertex is visible if it faces the camera and no vertex in its cell of the picture is much
    nearer (a coarse z-buffer); cells are about three vertices wide, so that each holds some of the
    front surface.
    """
    coarse = Fit(
        identity=fit.identity.float(),
        expressions=fit.expressions.float(),
        rotations=fit.rotations.float(),
        translations=fit.translations.float(),
        focal=fit.focal,
    )
    sight = project(model.shape, coarse, center.float())
    a, b, c = (sight.camera[:, model.triangles[:, corner]] for corner in range(3))
    faces = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(sight.camera)
    for corner in range(3):
        normals.index_add_(1, model.triangles[:, corner], faces)
    normals = normalize(normals, dim=-1)
    facing = (normals * normalize(-sight.camera, dim=-1)).sum(-1) > MIN_COSINE
    low = sight.pixels.amin(1, keepdim=True)
    extent = (sight.pixels.amax(1, keepdim=True) - low).clamp_min(1.0)
    across = max(2, int((len(model.shape.mean) ** 0.5) / 3))
    cells = ((sight.pixels - low) / extent * (across - 1e-3)).long()
    number = cells[..., 1] * across + cells[..., 0]
    depth = -sight.camera[..., 2]
    nearest = depth.new_full((len(depth), across * across), float("inf")).scatter_reduce(
        1, number, depth, "amin"
    )
    return facing & (depth < nearest.gather(1, number) + OCCLUSION_DEPTH), normals


def _near_the_border(triangles: Int[np.ndarray, "t 3"], vertices: int) -> Bool[np.ndarray, " v"]:
    """Vertices within BORDER_EDGES edges of the mesh's border."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    once, counts = np.unique(edges, axis=0, return_counts=True)
    near = np.zeros(vertices, bool)
    near[once[counts == 1]] = True
    for _ in range(BORDER_EDGES):
        touched = near[once].any(1)
        near[once[touched]] = True
    return near


def _robust_weights(
    observation: Observation, expected: Float[Tensor, "f p 3"]
) -> tuple[Float[Tensor, " f"], Float[Tensor, "f p"]]:
    """The robust standard deviation of colours in each frame, and each vertex's weight in [0,
    1]."""
    squared = ((observation.colors - expected) ** 2).mean(-1)
    unseen = torch.where(observation.seen, squared, torch.nan)
    deviation = (unseen.nanmedian(1).values.nan_to_num(1.0) / 0.455).sqrt().clamp_min(MIN_DEVIATION)
    return deviation, observation.seen / (
        1 + squared / (2 * (OUTLIER_SCALE * deviation[:, None]) ** 2)
    )


def _vertex_weights(observation: Observation) -> Float[Tensor, " f"]:
    """The weight of each vertex of a frame: at most EFFECTIVE_VERTICES in all."""
    return EFFECTIVE_VERTICES / observation.seen.sum(1).clamp_min(EFFECTIVE_VERTICES)
