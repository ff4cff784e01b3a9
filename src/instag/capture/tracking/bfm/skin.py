"""Skin as evidence: where the model's vertices should go so that the picture has their colours.

Every seen vertex's colour (albedo under the light) is compared with the blurred frame where the
vertex lands; the frame's gradient there says where it should go. So no picture is painted, and
landmarks and colours make one kind of equation.
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
from instag.capture.tracking.bfm.fit import Evidence, Fit, look
from instag.capture.tracking.bfm.shading import fit_light, fit_texture, harmonics

POINTS = 2000
"""Vertices that are compared, spread over the model."""
WORTH = 200.0
"""All seen vertices of a frame count for so many independent ones: neighbours err together."""
FACING = 0.3
"""The cosine between a vertex's normal and the line of sight from which on it counts as seen."""
COVERED = 0.01
"""Metres that a vertex may lie behind the nearest one in its cell of the picture and still be
seen."""
BLUR = 1.5
"""Standard deviation in pixels of a 512 x 512 picture that frames are blurred by: about the
distance of the model's vertices."""
RIM = 2
"""Vertices so few edges from the mesh's end are not compared: the blur brings what lies beside the
face there."""
SMALLEST_DEVIATION = 0.01
OUTLIER = 2.0
"""Colours that differ by so many deviations get half the weight (Cauchy): hair, glasses, hands."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What of the compared vertices is seen in some frames: whether, in which colour, under which
    light, and how surely. deviation of colours: by frame."""

    seen: Bool[Tensor, "f p"]
    received: Float[Tensor, "f p 9"]
    colours: Float[Tensor, "f p 3"]


@final
@dataclass(frozen=True, kw_only=True)
class Skin:
    """The compared vertices. chosen: their numbers in the model; points, albedo_mean, albedo:
    theirs alone, in float64. size: the picture's side in pixels."""

    model: BaselModel
    chosen: Tensor
    points: Bases
    albedo_mean: Float[Tensor, "p 3"]
    albedo: Float[Tensor, "p t 3"]
    size: int

    @classmethod
    def of(cls, model: BaselModel, size: int) -> "Skin":
        inner = np.flatnonzero(~_near_the_rim(model.triangles.cpu().numpy(), len(model.shape.mean)))
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

    def colour(self, texture: Float[Tensor, " t"]) -> Float[Tensor, "p 3"]:
        """Albedo in [0, 1] or a little beyond, from coefficients in standard deviations."""
        return self.albedo_mean + torch.einsum("ptc,t->pc", self.albedo, texture)

    def view(
        self,
        fit: Fit,
        frames: Float[Tensor, "f 3 h w"],
        found: Float[Tensor, " f"],
        centre: Float[Tensor, "2"],
    ) -> View:
        """What these frames (from `blurred`) show of the vertices, none of it in frames that were
        not found."""
        seen, normals = visible(self.model, fit, centre)
        pixels = look(self.points, fit, centre).pixels
        inside = ((pixels > 2) & (pixels < self.size - 2)).all(-1)
        return View(
            seen=seen[:, self.chosen] & inside & (found > 0)[:, None],
            received=harmonics(normals[:, self.chosen].double()),
            colours=sample(frames, pixels),
        )

    def light(
        self, view: View, texture: Float[Tensor, " t"], before: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, "f 9 3"]:
        """The light of each frame; outliers under the light `before` count little."""
        albedo = self.colour(texture)
        _, weights = _trust(view, albedo * (view.received @ before))
        return fit_light(albedo, view.received, view.colours, weights)

    def texture(
        self, view: View, texture: Float[Tensor, " t"], light: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, " t"]:
        """The texture that fits best under the light of each frame."""
        arriving = view.received @ light
        deviation, weights = _trust(view, self.colour(texture) * arriving)
        return fit_texture(
            self.albedo_mean,
            self.albedo,
            arriving,
            view.colours,
            _worth(view)[:, None] * weights / deviation[:, None] ** 2,
        )

    def evidence(
        self,
        fit: Fit,
        view: View,
        frames: Float[Tensor, "f 3 h w"],
        texture: Float[Tensor, " t"],
        light: Float[Tensor, "f 9 3"],
        centre: Float[Tensor, "2"],
    ) -> Evidence:
        """Where the vertices should go. `view` is of the same fit and frames."""
        colours = self.colour(texture) * (view.received @ light)
        deviation, weights = _trust(view, colours)
        weights = _worth(view)[:, None] * weights / deviation[:, None] ** 2
        pixels = look(self.points, fit, centre).pixels
        slopes = []
        for axis in range(2):
            step = torch.zeros(2, dtype=pixels.dtype, device=pixels.device)
            step[axis] = 1.0
            slopes.append((sample(frames, pixels + step) - sample(frames, pixels - step)) / 2)
        gradient = torch.stack(slopes, -2)
        force = (gradient @ (colours - view.colours)[..., None])[..., 0]
        return Evidence(
            points=self.points,
            force=weights[..., None] * force,
            information=weights[..., None, None] * (gradient @ gradient.transpose(-1, -2)),
        )

    def error(
        self, view: View, texture: Float[Tensor, " t"], light: Float[Tensor, "f 9 3"]
    ) -> Float[Tensor, " f"]:
        """The usual difference of colour in each frame, in [0, 1]; 0 where nothing is seen."""
        return _trust(view, self.colour(texture) * (view.received @ light))[0] * view.seen.any(1)


def blurred(
    frames: list[UInt8[np.ndarray, "h w 3"]], device: torch.device
) -> Float[Tensor, "f 3 h w"]:
    """RGB frames in [0, 1], blurred so that gradients reach as far as vertices are apart."""
    soft = [
        cv2.GaussianBlur(frame, (0, 0), BLUR * len(frame) / 512).transpose(2, 0, 1)
        for frame in frames
    ]
    return torch.as_tensor(np.stack(soft), device=device).float() / 255


def sample(
    frames: Float[Tensor, "f 3 h w"], pixels: Float[Tensor, "f p 2"]
) -> Float[Tensor, "f p 3"]:
    """Colours at pixels (centres at +0.5), linear in between, in float64."""
    size = pixels.new_tensor([frames.shape[3], frames.shape[2]])
    grid = (2 * pixels / size - 1).to(frames.dtype)
    return (
        grid_sample(frames, grid[:, None], align_corners=False, padding_mode="border")[:, :, 0]
        .transpose(1, 2)
        .double()
    )


def visible(
    model: BaselModel, fit: Fit, centre: Float[Tensor, "2"]
) -> tuple[Bool[Tensor, "f v"], Float[Tensor, "f v 3"]]:
    """Which vertices the camera sees, and all unit normals in its frame (x right, y up, z toward
    the camera).

    Seen is what faces the camera and has nothing much nearer in its cell of the picture; cells are
    about three vertices wide, so that each holds the surface that is in front.
    """
    coarse = Fit(
        identity=fit.identity.float(),
        expressions=fit.expressions.float(),
        rotations=fit.rotations.float(),
        translations=fit.translations.float(),
        focal=fit.focal,
    )
    sight = look(model.shape, coarse, centre.float())
    a, b, c = (sight.placed[:, model.triangles[:, corner]] for corner in range(3))
    faces = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(sight.placed)
    for corner in range(3):
        normals.index_add_(1, model.triangles[:, corner], faces)
    normals = normalize(normals, dim=-1)
    facing = (normals * normalize(-sight.placed, dim=-1)).sum(-1) > FACING
    low = sight.pixels.amin(1, keepdim=True)
    extent = (sight.pixels.amax(1, keepdim=True) - low).clamp_min(1.0)
    across = max(2, int((len(model.shape.mean) ** 0.5) / 3))
    cells = ((sight.pixels - low) / extent * (across - 1e-3)).long()
    number = cells[..., 1] * across + cells[..., 0]
    depth = -sight.placed[..., 2]
    nearest = depth.new_full((len(depth), across * across), float("inf")).scatter_reduce(
        1, number, depth, "amin"
    )
    return facing & (depth < nearest.gather(1, number) + COVERED), normals


def _near_the_rim(triangles: Int[np.ndarray, "t 3"], vertices: int) -> Bool[np.ndarray, " v"]:
    """Vertices within RIM edges of where the mesh ends."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    once, counts = np.unique(edges, axis=0, return_counts=True)
    near = np.zeros(vertices, bool)
    near[once[counts == 1]] = True
    for _ in range(RIM):
        touched = near[once].any(1)
        near[once[touched]] = True
    return near


def _trust(
    view: View, expected: Float[Tensor, "f p 3"]
) -> tuple[Float[Tensor, " f"], Float[Tensor, "f p"]]:
    """The deviation of colours in each frame, and each vertex's weight in [0, 1]."""
    squared = ((view.colours - expected) ** 2).mean(-1)
    unseen = torch.where(view.seen, squared, torch.nan)
    deviation = (
        (unseen.nanmedian(1).values.nan_to_num(1.0) / 0.455).sqrt().clamp_min(SMALLEST_DEVIATION)
    )
    return deviation, view.seen / (1 + squared / (2 * (OUTLIER * deviation[:, None]) ** 2))


def _worth(view: View) -> Float[Tensor, " f"]:
    """By how much each vertex of a frame counts."""
    return WORTH / view.seen.sum(1).clamp_min(WORTH)
