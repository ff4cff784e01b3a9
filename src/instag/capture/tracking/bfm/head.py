"""Head tracking with the Basel face model: the AD-NeRF family's three phases, each solved by
Gauss-Newton where that uses thousands of gradient steps.

1. Landmarks alone: the focal length from a small set, then identity, expressions and poses. 2. Some
frames together: texture and light, with identity, expressions and poses, from landmarks and
colours. 3. All frames, a few at a time: expression, pose and light, texture and identity as they
are; at last poses are made to move evenly, for the whole clip at once. Memory does not grow with
the length, but for the numbers that are found.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from instag.capture.tracking.bfm.basel import BaselModel
from instag.capture.tracking.bfm.fit import Fit, Prior, places, step_all, step_frames
from instag.capture.tracking.bfm.outline import Outline
from instag.capture.tracking.bfm.shading import ambient
from instag.capture.tracking.bfm.skin import Skin, blurred
from instag.capture.tracking.bfm.smoothing import smoothed
from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, part, silent

Frames = Callable[[int], UInt8[np.ndarray, "h w 3"]]
"""The RGB frame of a number."""
FOCALS = tuple(focal / 512 for focal in range(600, 1500, 100))
"""Focal lengths over the picture's side that are tried, AD-NeRF's."""
FOCAL_PRIOR = 1200 / 512
FOCAL_PRIOR_WORTH = 320.0
"""The focal length is believed within a quarter (natural logarithm), and a frame's landmarks, that
err alike in many frames, count a twentieth against that."""
FOCAL_FRAMES, SHAPE_FRAMES, TEXTURE_FRAMES, TOGETHER = 24, 100, 32, 16
"""Frames, spread evenly, of the focal length's search, of the identity and of the texture; frames
that are worked on at a time in the last phase."""
STIFFNESS = 0.5
"""Smoothing of poses; AD-NeRF's Laplacian term weighs about so against its landmarks."""


@dataclass(frozen=True, kw_only=True)
class Seen68:
    """landmarks: the 68 points of each frame in pixels. found: where they are to be believed. size:
    the square picture's side in pixels."""

    landmarks: Float[np.ndarray, "f 68 2"]
    found: Bool[np.ndarray, " f"]
    size: int


@dataclass(frozen=True, kw_only=True)
class TrackedFace:
    """A clip's fit. texture: standard deviations. lights: harmonics by frame. colour_error: the
    usual difference of colours by frame, in [0, 1]."""

    fit: Fit
    texture: Float[Tensor, " t"]
    lights: Float[Tensor, "f 9 3"]
    colour_error: Float[Tensor, " f"]


def track_face(
    model: BaselModel,
    seen: Seen68,
    frames: Frames,
    start: Float[np.ndarray, "f 3 3"],
    report: Report = silent,
) -> TrackedFace:
    """Track a face through a clip. start: rotations from head to camera to begin with, each within
    some 30 degrees. `report` gets thousandths."""
    device = model.keys.device
    landmarks = torch.as_tensor(seen.landmarks, dtype=torch.float64, device=device)
    found = torch.as_tensor(seen.found, dtype=torch.float64, device=device)
    tracker = _Tracker(
        model=model,
        outline=Outline.of(model, seen.size),
        skin=Skin.of(model, seen.size),
        landmarks=landmarks,
        found=found,
        centre=landmarks.new_tensor([seen.size / 2, seen.size / 2]),
        size=seen.size,
    )
    fit = tracker.by_landmarks(
        torch.as_tensor(start, dtype=torch.float64, device=device), part(report, 0.0, 0.3)
    )
    fit, texture, light = tracker.by_colours(fit, frames, part(report, 0.3, 0.5))
    return tracker.everywhere(fit, texture, light, frames, part(report, 0.5, 1.0))


@dataclass(frozen=True, kw_only=True)
class _Tracker:
    """What the three phases read."""

    model: BaselModel
    outline: Outline
    skin: Skin
    landmarks: Float[Tensor, "f 68 2"]
    found: Float[Tensor, " f"]
    centre: Float[Tensor, "2"]
    size: int

    def by_landmarks(self, rotations: Float[Tensor, "f 3 3"], report: Report) -> Fit:
        """The first phase: everything that landmarks tell, of all frames."""
        few, some = self._spread(FOCAL_FRAMES), self._spread(SHAPE_FRAMES)
        tried = []
        for number, focal in enumerate(FOCALS):
            report(number, 2 * len(FOCALS))
            fit = self._together(
                self._begun(rotations, focal * self.size).taken(few), few, zooms=False, rounds=6
            )
            tried.append(
                (
                    self.outline.energy(
                        fit,
                        self.landmarks[few],
                        self.found[few],
                        self._prior(len(few)),
                        self.centre,
                    ),
                    focal,
                )
            )
        whole = self._begun(rotations, min(tried)[1] * self.size)
        shaped = self._together(whole.taken(some), some, zooms=True, rounds=10)
        whole = replace(self._begun(rotations, shaped.focal), identity=shaped.identity)
        for number, chunk in enumerate(self._chunks(4 * TOGETHER)):
            taken = whole.taken(chunk)
            for turn in range(10):
                evidence = self.outline.evidence(
                    taken, self.landmarks[chunk], self.found[chunk], self.centre
                )
                taken, _ = step_frames(
                    taken, [evidence], self._prior(1), self.centre, pose_only=turn < 4
                )
            whole = whole.put(chunk, taken)
            report(500 + 500 * number * 4 * TOGETHER // len(self.found), 1000)
        return whole

    def by_colours(
        self, whole: Fit, frames: Frames, report: Report
    ) -> tuple[Fit, Float[Tensor, " t"], Float[Tensor, "9 3"]]:
        """The second phase: identity and texture from some frames, and the light that they have in
        the mean."""
        some = self._spread(TEXTURE_FRAMES)
        pictures = blurred([frames(int(index)) for index in some], self.centre.device)
        fit, prior, found = whole.taken(some), self._prior(len(some)), self.found[some]
        texture = self.landmarks.new_zeros(self.model.albedo.shape[1])
        light = ambient(len(some), self.landmarks)
        rounds = 6
        for turn in range(rounds):
            report(turn, rounds)
            view = self.skin.view(fit, pictures, found, self.centre)
            for _ in range(2):
                light = self.skin.light(view, texture, light)
                texture = self.skin.texture(view, texture, light)
            drawn = self.skin.evidence(fit, view, pictures, texture, light, self.centre)
            fit = step_all(
                fit,
                [self.outline.evidence(fit, self.landmarks[some], found, self.centre), drawn],
                prior,
                self.centre,
                zooms=False,
            )
        return replace(whole.put(some, fit), identity=fit.identity), texture, light.mean(0)

    def everywhere(
        self,
        whole: Fit,
        texture: Float[Tensor, " t"],
        light: Float[Tensor, "9 3"],
        frames: Frames,
        report: Report,
    ) -> TrackedFace:
        """The third phase: every frame from landmarks and colours, then even motion."""
        count = len(self.found)
        lights, errors = light.repeat(count, 1, 1), self.landmarks.new_zeros(count)
        known = self.landmarks.new_zeros(count, 6, 6)
        for chunk in self._chunks(TOGETHER):
            report(chunk.start, count)
            pictures = blurred(
                [frames(index) for index in range(*chunk.indices(count))], self.centre.device
            )
            taken, its_light, found = whole.taken(chunk), lights[chunk], self.found[chunk]
            for _ in range(4):
                view = self.skin.view(taken, pictures, found, self.centre)
                its_light = self.skin.light(view, texture, its_light)
                drawn = self.skin.evidence(taken, view, pictures, texture, its_light, self.centre)
                marked = self.outline.evidence(taken, self.landmarks[chunk], found, self.centre)
                taken, equations = step_frames(taken, [marked, drawn], self._prior(1), self.centre)
            known[chunk] = equations.pose() * found[:, None, None]
            lights[chunk], errors[chunk] = its_light, self.skin.error(view, texture, its_light)
            whole = whole.put(chunk, taken)
        poses = smoothed(
            Poses(
                rotations=whole.rotations.cpu().numpy(),
                translations=whole.translations.cpu().numpy(),
            ),
            known.cpu().numpy(),
            STIFFNESS,
        )
        whole = replace(
            whole,
            rotations=self.landmarks.new_tensor(poses.rotations),
            translations=self.landmarks.new_tensor(poses.translations),
        )
        return TrackedFace(fit=whole, texture=texture, lights=lights, colour_error=errors)

    def _together(self, fit: Fit, frames: Tensor, *, zooms: bool, rounds: int) -> Fit:
        """Some frames' poses, then all of them with identity, by landmarks."""
        prior, landmarks, found = (
            self._prior(len(frames)),
            self.landmarks[frames],
            self.found[frames],
        )
        for _ in range(4):
            fit, _ = step_frames(
                fit,
                [self.outline.evidence(fit, landmarks, found, self.centre)],
                prior,
                self.centre,
                pose_only=True,
            )
        for _ in range(rounds):
            fit = step_all(
                fit,
                [self.outline.evidence(fit, landmarks, found, self.centre)],
                prior,
                self.centre,
                zooms=zooms,
            )
        return fit

    def _begun(self, rotations: Float[Tensor, "f 3 3"], focal: float) -> Fit:
        """The mean face, turned as told, where and as large as the landmarks lie (weak
        perspective)."""
        shape = self.model.shape
        fit = Fit(
            identity=self.landmarks.new_zeros(shape.identity.shape[1]),
            expressions=self.landmarks.new_zeros(len(rotations), shape.expression.shape[1]),
            rotations=rotations,
            translations=rotations.new_zeros(len(rotations), 3),
            focal=focal,
        )
        turned = places(
            shape.at(self.model.keys), fit.identity, fit.expressions
        ) @ rotations.transpose(1, 2)
        flat = (self.landmarks - self.centre) * self.landmarks.new_tensor([1.0, -1.0])
        middle, spread = turned.mean(1), turned[..., :2] - turned[..., :2].mean(1, keepdim=True)
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

    def _prior(self, frames: int) -> Prior:
        """Identity is believed as if these frames' landmarks counted for one frame's: they err
        alike."""
        return Prior(
            expression=1.0,
            identity=float(frames),
            focal=FOCAL_PRIOR * self.size,
            zoom=FOCAL_PRIOR_WORTH,
        )

    def _spread(self, count: int) -> Tensor:
        """Up to `count` of the frames that were found, evenly."""
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
