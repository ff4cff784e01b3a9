"""Head tracking with the Basel face model: AD-NeRF's three phases, each solved by Gauss-Newton in
place of thousands of gradient steps.

1. Landmarks alone: the focal length from a small set, then identity, expressions and poses.
2. Some frames together: texture and light, with identity, expressions and poses, from landmarks and
   colours.
3. All frames, a few at a time: expression, pose and light, with texture and identity fixed; then
   the poses of the whole clip are smoothed at once.

Memory does not grow with the length, apart from the results.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from instag.capture.tracking.bfm.basel import BaselModel
from instag.capture.tracking.bfm.fit import (
    CoefficientPrior,
    Fit,
    step_all,
    step_frames,
    vertex_positions,
)
from instag.capture.tracking.bfm.outline import Outline
from instag.capture.tracking.bfm.shading import ambient
from instag.capture.tracking.bfm.skin import Skin, blurred
from instag.capture.tracking.bfm.smoothing import smooth_track
from instag.capture.tracking.fit_head import FOCAL_PRIOR
from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, part, silent

Frames = Callable[[int], UInt8[np.ndarray, "h w 3"]]
"""Reads the RGB frame of an index."""
FOCALS = tuple(focal / 512 for focal in range(600, 1500, 100))
"""Candidates of the focal length over the picture's side, AD-NeRF's."""
FOCAL_INFORMATION = 320.0
"""Information of the prior of the focal length's logarithm: a standard deviation of a quarter,
times 20 because landmark errors are correlated over many frames."""
FOCAL_FRAMES, SHAPE_FRAMES, TEXTURE_FRAMES, CHUNK_FRAMES = 24, 100, 32, 16
"""Frames, evenly spaced, for the search of the focal length, for the identity and for the texture;
frames that are fitted at a time in the last phase."""
STIFFNESS = 0.5
"""Smoothing of the poses, about AD-NeRF's weight of its Laplacian term against its landmarks."""


@dataclass(frozen=True, kw_only=True)
class LandmarkTrack68:
    """The 68 landmarks of a clip in pixels. found: frames in which a face was found. size: the
    square picture's side in pixels."""

    landmarks: Float[np.ndarray, "f 68 2"]
    found: Bool[np.ndarray, " f"]
    size: int


@dataclass(frozen=True, kw_only=True)
class TrackedFace:
    """A clip's fit. texture: standard deviations. lights: spherical harmonics by frame.
    color_error: robust standard deviation of colours by frame, in [0, 1]."""

    fit: Fit
    texture: Float[Tensor, " t"]
    lights: Float[Tensor, "f 9 3"]
    color_error: Float[Tensor, " f"]


def track_face(
    model: BaselModel,
    seen: LandmarkTrack68,
    frames: Frames,
    start: Float[np.ndarray, "f 3 3"],
    report: Report = silent,
) -> TrackedFace:
    """Track a face through a clip. start: initial rotations, head to camera, each within some 30
    degrees. `report` gets thousandths."""
    device = model.keys.device
    landmarks = torch.as_tensor(seen.landmarks, dtype=torch.float64, device=device)
    found = torch.as_tensor(seen.found, dtype=torch.float64, device=device)
    tracker = _Tracker(
        model=model,
        outline=Outline.of(model, seen.size),
        skin=Skin.of(model, seen.size),
        landmarks=landmarks,
        found=found,
        center=landmarks.new_tensor([seen.size / 2, seen.size / 2]),
        size=seen.size,
    )
    fit = tracker.fit_landmarks(
        torch.as_tensor(start, dtype=torch.float64, device=device), part(report, 0.0, 0.3)
    )
    fit, texture, light = tracker.fit_texture(fit, frames, part(report, 0.3, 0.5))
    return tracker.fit_frames(fit, texture, light, frames, part(report, 0.5, 1.0))


@dataclass(frozen=True, kw_only=True)
class _FittedChunk:
    """Some frames after the third phase. information: that of each pose over [w, dt], 0 where no
    face was found."""

    fit: Fit
    lights: Float[Tensor, "f 9 3"]
    information: Float[Tensor, "f 6 6"]
    color_error: Float[Tensor, " f"]


@dataclass(frozen=True, kw_only=True)
class _Tracker:
    """The model and the landmarks, which all three phases read."""

    model: BaselModel
    outline: Outline
    skin: Skin
    landmarks: Float[Tensor, "f 68 2"]
    found: Float[Tensor, " f"]
    center: Float[Tensor, "2"]
    size: int

    def fit_landmarks(self, rotations: Float[Tensor, "f 3 3"], report: Report) -> Fit:
        """The first phase: focal length, identity, expressions and poses from landmarks alone."""
        some = self._spread(SHAPE_FRAMES)
        focal = self._search_focal(rotations, report)
        shared = self._fit_jointly(
            self._initialize(rotations, focal).select(some), some, fit_focal=True, rounds=10
        )
        whole = replace(self._initialize(rotations, shared.focal), identity=shared.identity)
        for number, chunk in enumerate(self._chunks(4 * CHUNK_FRAMES)):
            fit, landmarks, found = whole.select(chunk), self.landmarks[chunk], self.found[chunk]
            for iteration in range(10):
                measurements = [self.outline.measurements(fit, landmarks, found, self.center)]
                fit, _ = step_frames(
                    fit, measurements, self._prior(1), self.center, pose_only=iteration < 4
                )
            whole = whole.with_frames(chunk, fit)
            report(500 + 500 * number * 4 * CHUNK_FRAMES // len(self.found), 1000)
        return whole

    def _search_focal(self, rotations: Float[Tensor, "f 3 3"], report: Report) -> float:
        """The focal length in pixels, of FOCALS, whose fit to a few frames has the least energy."""
        few = self._spread(FOCAL_FRAMES)
        landmarks, found, prior = self.landmarks[few], self.found[few], self._prior(len(few))
        energies = []
        for number, focal in enumerate(FOCALS):
            report(number, 2 * len(FOCALS))
            start = self._initialize(rotations, focal * self.size).select(few)
            fit = self._fit_jointly(start, few, fit_focal=False, rounds=6)
            energy = self.outline.energy(fit, landmarks, found, prior, self.center)
            energies.append((energy, focal))
        return min(energies)[1] * self.size

    def fit_texture(
        self, whole: Fit, frames: Frames, report: Report
    ) -> tuple[Fit, Float[Tensor, " t"], Float[Tensor, "9 3"]]:
        """The second phase: identity and texture from some frames, and the mean of their light."""
        some = self._spread(TEXTURE_FRAMES)
        pictures = blurred([frames(int(index)) for index in some], self.center.device)
        fit, prior, found = whole.select(some), self._prior(len(some)), self.found[some]
        texture = self.landmarks.new_zeros(self.model.albedo.shape[1])
        light = ambient(len(some), self.landmarks)
        rounds = 6
        for iteration in range(rounds):
            report(iteration, rounds)
            observation = self.skin.observe(fit, pictures, found, self.center)
            for _ in range(2):
                light = self.skin.light(observation, texture, light)
                texture = self.skin.texture(observation, texture, light)
            of_colors = self.skin.measurements(
                fit, observation, pictures, texture, light, self.center
            )
            fit = step_all(
                fit,
                [
                    self.outline.measurements(fit, self.landmarks[some], found, self.center),
                    of_colors,
                ],
                prior,
                self.center,
                fit_focal=False,
            )
        return replace(whole.with_frames(some, fit), identity=fit.identity), texture, light.mean(0)

    def fit_frames(
        self,
        whole: Fit,
        texture: Float[Tensor, " t"],
        light: Float[Tensor, "9 3"],
        frames: Frames,
        report: Report,
    ) -> TrackedFace:
        """The third phase: every frame from landmarks and colours, then smoothing."""
        count = len(self.found)
        lights, errors = light.repeat(count, 1, 1), self.landmarks.new_zeros(count)
        information = self.landmarks.new_zeros(count, 6, 6)
        for chunk in self._chunks(CHUNK_FRAMES):
            report(chunk.start, count)
            fitted = self._fit_chunk(whole.select(chunk), texture, lights[chunk], frames, chunk)
            whole = whole.with_frames(chunk, fitted.fit)
            information[chunk] = fitted.information
            lights[chunk], errors[chunk] = fitted.lights, fitted.color_error
        poses = smooth_track(
            Poses(
                rotations=whole.rotations.cpu().numpy(),
                translations=whole.translations.cpu().numpy(),
            ),
            information.cpu().numpy(),
            STIFFNESS,
        )
        whole = replace(
            whole,
            rotations=self.landmarks.new_tensor(poses.rotations),
            translations=self.landmarks.new_tensor(poses.translations),
        )
        return TrackedFace(fit=whole, texture=texture, lights=lights, color_error=errors)

    def _fit_chunk(
        self,
        fit: Fit,
        texture: Float[Tensor, " t"],
        lights: Float[Tensor, "f 9 3"],
        frames: Frames,
        chunk: slice,
    ) -> "_FittedChunk":
        """Expression, pose and light of some frames, texture and identity fixed."""
        indices = range(*chunk.indices(len(self.found)))
        pictures = blurred([frames(index) for index in indices], self.center.device)
        landmarks, found = self.landmarks[chunk], self.found[chunk]
        for _ in range(4):
            observation = self.skin.observe(fit, pictures, found, self.center)
            lights = self.skin.light(observation, texture, lights)
            measurements = [
                self.outline.measurements(fit, landmarks, found, self.center),
                self.skin.measurements(fit, observation, pictures, texture, lights, self.center),
            ]
            fit, equations = step_frames(fit, measurements, self._prior(1), self.center)
        return _FittedChunk(
            fit=fit,
            lights=lights,
            information=equations.pose() * found[:, None, None],
            color_error=self.skin.error(observation, texture, lights),
        )

    def _fit_jointly(self, fit: Fit, frames: Tensor, *, fit_focal: bool, rounds: int) -> Fit:
        """Some frames from landmarks: their poses, then all unknowns with the identity."""
        prior, landmarks, found = (
            self._prior(len(frames)),
            self.landmarks[frames],
            self.found[frames],
        )
        for _ in range(4):
            fit, _ = step_frames(
                fit,
                [self.outline.measurements(fit, landmarks, found, self.center)],
                prior,
                self.center,
                pose_only=True,
            )
        for _ in range(rounds):
            fit = step_all(
                fit,
                [self.outline.measurements(fit, landmarks, found, self.center)],
                prior,
                self.center,
                fit_focal=fit_focal,
            )
        return fit

    def _initialize(self, rotations: Float[Tensor, "f 3 3"], focal: float) -> Fit:
        """The mean face with these rotations, placed by the landmarks (weak perspective)."""
        shape = self.model.shape
        fit = Fit(
            identity=self.landmarks.new_zeros(shape.identity.shape[1]),
            expressions=self.landmarks.new_zeros(len(rotations), shape.expression.shape[1]),
            rotations=rotations,
            translations=rotations.new_zeros(len(rotations), 3),
            focal=focal,
        )
        rotated = vertex_positions(
            shape.at(self.model.keys), fit.identity, fit.expressions
        ) @ rotations.transpose(1, 2)
        flat = (self.landmarks - self.center) * self.landmarks.new_tensor([1.0, -1.0])
        middle, spread = rotated.mean(1), rotated[..., :2] - rotated[..., :2].mean(1, keepdim=True)
        scale = (spread * flat).sum((1, 2)) / (spread**2).sum((1, 2))
        scale = torch.where(
            scale > 0, scale, scale[scale > 0].median() if (scale > 0).any() else 1.0
        )
        return replace(
            fit,
            translations=torch.cat(
                [
                    flat.mean(1) / scale[:, None] - middle[:, :2],
                    -focal / scale[:, None] - middle[:, 2:],
                ],
                -1,
            ),
        )

    def _prior(self, frames: int) -> CoefficientPrior:
        """Priors for so many frames: the identity's grows with them, because landmark errors are
        correlated, so that together they count for one frame."""
        return CoefficientPrior(
            expression=1.0,
            identity=float(frames),
            focal=FOCAL_PRIOR * self.size,
            log_focal=FOCAL_INFORMATION,
        )

    def _spread(self, count: int) -> Tensor:
        """Up to `count` of the frames in which a face was found, evenly spaced."""
        frames = torch.nonzero(self.found > 0)[:, 0]
        return frames[
            torch.linspace(
                0,
                len(frames) - 1,
                min(count, len(frames)),
                dtype=torch.float64,
                device=frames.device,
            )
            .round()
            .long()
        ]

    def _chunks(self, length: int) -> list[slice]:
        return [
            slice(start, min(start + length, len(self.found)))
            for start in range(0, len(self.found), length)
        ]
