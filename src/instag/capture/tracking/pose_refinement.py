"""Pose refinement: every pose of a clip aligned with the face's own texture, and all joined with
landmarks and flow (docs/method.md#observation).

Up to TEXTURE_FRAMES pictures give the texture, in alternation with their own poses; then each
picture of the clip is aligned with it alone, so that memory does not grow with the length. The
aligned poses enter one smooth solution for the whole clip, with their information matrices, the
landmarks and the flow. A picture that the texture explains no better than before (a hand, another
face) is rejected: its landmark pose gets the correction interpolated between its neighbours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from instag.capture.tracking.bundle_adjustment import Rig
from instag.capture.tracking.fit_head import RIGID, fit_head, rigid_flow
from instag.capture.tracking.photometric import (
    Appearance,
    ImageGradients,
    Intrinsics,
    Pose,
    align_image,
    linearize,
    look,
)
from instag.capture.tracking.pose_smoothing import (
    Observations,
    PhotometricObservations,
    smooth_poses,
)
from instag.capture.tracking.skin_features import (
    WORKING_SIZE,
    Detail,
    SkinPoints,
    Texture,
    detail,
    estimate_texture,
    sample_points,
)
from instag.data.clip import Clip
from instag.observed import Track
from instag.ops.rigid_poses import Poses, camera_to_head, head_to_camera
from instag.perception.face_mesh import Landmarks
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, part, silent

POINTS = 4_000
"""Points on the face."""
TEXTURE_FRAMES = 50
"""Pictures, evenly spaced, that the texture is estimated from: with twice as many, poses differ as
much as where one of them is left out."""
MOST_KEPT = 2**26
"""Bytes of pictures that are kept from their first use to the next: a few seconds of video."""
TEXTURE_ITERATIONS = 3
"""Alternations of poses and texture: a fourth lowers the residual by less than a hundredth."""
TEXTURE_STEPS = 3
"""Gauss-Newton steps of an alternation."""
ALIGNMENT_STEPS = 5
"""Gauss-Newton steps of every picture with the final texture, from the landmarks' pose."""
MAX_CORRECTION = (0.15, 0.03)
"""Radians, and metres across the line of sight, by which a picture may change a pose."""
MAX_COST_RATIO = 12.0
"""A picture with this many times the clip's median cost shows something else than the face; raised
brows cost up to ten times the median."""
INTERPOLATED_WEIGHT = 0.1
"""Information of an interpolated pose over the mean of those that pictures give."""
LANDMARK_WEIGHT = 0.02
"""Weight of the landmarks: their errors last for many frames, and they only have to hold frames
whose picture was rejected."""
FLOW_WEIGHT = 1.0
"""Weight of the flow: unlike the texture it has no variance of its own for skin that moves with
speech."""
STIFFNESS = 0.03
"""Smoothing of the poses (see `smooth_poses`)."""


@dataclass(frozen=True, kw_only=True)
class ImageAlignment:
    """The pose that one picture gives, and its information matrix. before, after: cost in the
    starting pose and in `pose`."""

    pose: Pose
    information: Float[np.ndarray, "6 6"]
    before: float
    after: float


ReadFrame = Callable[[int], UInt8[np.ndarray, "h w 3"]]
ReadGradients = Callable[[int], ImageGradients]


@final
class KeptDetails:
    """Gradients of a clip's pictures, by their index. Of the pictures that are read first, up to
    MOST_KEPT bytes are kept, so that a short clip's are read once. Threads may call it at the same
    time."""

    def __init__(self, read: Callable[[int], Detail]) -> None:
        self._read = read
        self._kept: dict[int, Detail] = {}
        self._bytes = 0

    def __call__(self, index: int) -> ImageGradients:
        seen = self._kept.get(index)
        if seen is None:
            seen = self._read(index)
            if self._bytes < MOST_KEPT:
                self._kept[index] = seen
                self._bytes += seen.image.nbytes
        return ImageGradients.of(seen)


def track_head(clip: Clip, landmarks: Landmarks, report: Report = silent) -> Track:
    """Fit the head to the landmarks, refine its poses by the pictures, and save track.npz. `report`
    gets thousandths."""
    size = clip.size()
    track = refine_poses(
        fit_head(landmarks, *size, part(report, 0.0, 0.2)),
        landmarks,
        clip.frame,
        size,
        part(report, 0.2, 1.0),
    )
    clip.save_track(track)
    return track


def refine_poses(
    track: Track,
    landmarks: Landmarks,
    frame: ReadFrame,
    size: tuple[int, int],
    report: Report = silent,
) -> Track:
    """The track with its poses aligned to the face's texture. `frame` reads the RGB picture of an
    index, `size` is width and height in pixels."""
    scale = working_scale(size)

    def read(index: int) -> Detail:
        return detail(working_grey(frame(index), size), track.landmarks[index, :, :2] * scale)

    points = sample_points(track.identity, POINTS)
    return aligned_track(track, landmarks, points, KeptDetails(read), size, report)


def working_scale(size: tuple[int, int]) -> float:
    """By which pictures of a size are reduced."""
    return min(1.0, WORKING_SIZE / max(size))


def working_grey(
    picture: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "h2 w2"]:
    """The brightness of a picture of a size, reduced."""
    grey, scale = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), working_scale(size)
    if scale == 1:
        return np.asarray(grey, np.uint8)
    reduced = (round(size[0] * scale), round(size[1] * scale))
    return np.asarray(cv2.resize(grey, reduced, interpolation=cv2.INTER_AREA), np.uint8)


def aligned_track(
    track: Track,
    landmarks: Landmarks,
    points: SkinPoints,
    gradients: ReadGradients,
    size: tuple[int, int],
    report: Report = silent,
) -> Track:
    """The track with its poses aligned to the texture of some points. gradients: of a frame's
    picture at `working_scale`; size: of the whole picture in pixels."""
    scale = working_scale(size)
    intrinsics = Intrinsics(focal=track.focal * scale, center=np.array(size) / 2 * scale)
    start = head_to_camera(track)
    texture = _alternate(
        gradients, points, start, _texture_frames(track), intrinsics, part(report, 0.0, 0.4)
    )
    alignments = list(
        _align_images(gradients, points, texture, start, intrinsics, part(report, 0.4, 0.9))
    )
    poses = _solve_clip(track, landmarks, size, start, alignments, part(report, 0.9, 1.0))
    rotations, translations = camera_to_head(poses)
    return replace(track, rotations=rotations, translations=translations)


def _texture_frames(track: Track) -> Int[np.ndarray, " k"]:
    """Evenly spaced frames among those in which the face was found."""
    found = np.flatnonzero(track.found)
    return found[np.unique(np.linspace(0, len(found) - 1, TEXTURE_FRAMES).round().astype(int))]


def _alternate(
    gradients: ReadGradients,
    points: SkinPoints,
    start: Poses,
    frames: Int[np.ndarray, " k"],
    intrinsics: Intrinsics,
    report: Report,
) -> Texture:
    """The texture of some pictures, estimated in alternation with their poses."""
    poses = [_pose_of(start, index) for index in frames.tolist()]

    def begin(number: int) -> tuple[Detail, Appearance]:
        seen = gradients(int(frames[number]))
        return seen.detail, look(seen, points, None, poses[number], intrinsics)

    details, looks = map(list, zip(*in_order(begin, range(len(frames))), strict=True))
    texture = _texture_of(looks)
    for iteration in range(TEXTURE_ITERATIONS):

        def work(
            number: int, texture: Texture = texture, poses: list[Pose] = poses
        ) -> tuple[Pose, Appearance]:
            seen = ImageGradients.of(details[number])
            pose = align_image(
                seen, points, texture, poses[number], intrinsics, iterations=TEXTURE_STEPS
            )
            return pose, look(seen, points, texture, pose, intrinsics)

        poses, looks = map(list, zip(*in_order(work, range(len(details))), strict=True))
        texture = _texture_of(looks)
        report(iteration + 1, TEXTURE_ITERATIONS)
    return texture


def _pose_of(poses: Poses, index: int) -> Pose:
    return Pose(rotation=poses.rotations[index], translation=poses.translations[index])


def _texture_of(looks: list[Appearance]) -> Texture:
    return estimate_texture(
        np.stack([seen.values for seen in looks]), np.stack([seen.weights for seen in looks])
    )


def _align_images(
    gradients: ReadGradients,
    points: SkinPoints,
    texture: Texture,
    start: Poses,
    intrinsics: Intrinsics,
    report: Report,
) -> Iterator[ImageAlignment]:
    """Each picture of the clip aligned with the texture, independently of the others."""

    def work(index: int) -> ImageAlignment:
        seen, guess = gradients(index), _pose_of(start, index)
        before = linearize(seen, points, texture, guess, intrinsics)
        pose = align_image(
            seen, points, texture, guess, intrinsics, iterations=ALIGNMENT_STEPS, first=before
        )
        after = linearize(seen, points, texture, pose, intrinsics)
        return ImageAlignment(
            pose=pose, information=after.hessian, before=before.cost, after=after.cost
        )

    for index, alignment in enumerate(in_order(work, range(len(start.rotations)))):
        yield alignment
        report(index + 1, len(start.rotations))


def _solve_clip(
    track: Track,
    landmarks: Landmarks,
    size: tuple[int, int],
    start: Poses,
    alignments: list[ImageAlignment],
    report: Report,
) -> Poses:
    """One smooth solution for all poses from pictures, flow and landmarks."""
    photometric = _photometric_observations(start, alignments)
    if photometric is None:
        return start
    observations = Observations(
        points=track.landmarks[:, RIGID, :2].astype(np.float64),
        confidence=track.found * LANDMARK_WEIGHT,
        flow=rigid_flow(landmarks),
    )
    rig = Rig(
        shape=track.identity[RIGID].astype(np.float64), focal=track.focal, center=np.array(size) / 2
    )
    return smooth_poses(
        observations,
        rig,
        start,
        stiffness=STIFFNESS,
        flow_weight=FLOW_WEIGHT,
        photometric=photometric,
        report=report,
    )


def _photometric_observations(
    start: Poses, alignments: list[ImageAlignment]
) -> PhotometricObservations | None:
    """The pictures' poses, with corrections interpolated over the rejected ones; None where all are
    rejected."""
    aligned = Poses(
        rotations=np.stack([each.pose.rotation for each in alignments]),
        translations=np.stack([each.pose.translation for each in alignments]),
    )
    good = inlier_frames(
        start,
        aligned,
        np.array([each.before for each in alignments]),
        np.array([each.after for each in alignments]),
    )
    if not good.any():
        return None
    information = np.stack([each.information for each in alignments])
    information[~good] = INTERPOLATED_WEIGHT * information[good].mean(0)
    corrections = start.updates_to(aligned)
    frames = np.arange(len(alignments))
    between = np.stack(
        [np.interp(frames, frames[good], column[good]) for column in corrections.T], -1
    )
    return PhotometricObservations(
        poses=start.updated(np.where(good[:, None], corrections, between)), information=information
    )


def inlier_frames(
    start: Poses, aligned: Poses, before: Float[np.ndarray, " f"], after: Float[np.ndarray, " f"]
) -> Bool[np.ndarray, " f"]:
    """Pictures whose alignment is accepted: the cost fell, is not far above the median, and the
    pose changed little."""
    steps = start.updates_to(aligned)
    turn, shift = np.linalg.norm(steps[:, :3], axis=1), np.linalg.norm(steps[:, 3:5], axis=1)
    return (
        (after < before)
        & (after < MAX_COST_RATIO * np.median(after))
        & (turn < MAX_CORRECTION[0])
        & (shift < MAX_CORRECTION[1])
    )
