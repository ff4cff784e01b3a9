"""Pose refinement: after the landmarks, every pose of a clip is aligned with the face's own
texture, and all are joined with flow.

Pictures spread over the clip teach the texture, in turns with their own poses; then each picture is
aligned with it by itself, so that memory does not grow with the length. What a picture knows of its
pose goes, with the landmarks and the flow, into one smooth solution for the whole clip: no lag. A
picture that shows no more than the landmarks did (a hand, another face) keeps their pose, corrected
as its neighbours were.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from instag.capture.tracking.bundle_adjustment import Evidence, PhotometricPriors, Rig, smooth_poses
from instag.capture.tracking.fit_head import RIGID, fit_head
from instag.capture.tracking.photometric import Lens, Look, Pose, Slopes, align_picture, look
from instag.capture.tracking.skin_features import (
    WORKING_SIZE,
    SkinPoints,
    Texture,
    detail,
    learn_texture,
    spread_points,
)
from instag.data.clip import Clip
from instag.ops.rigid_poses import Poses, head_to_camera
from instag.perception.face_mesh import Landmarks
from instag.perception.skin_flow import SKIN
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, part, silent
from instag.types import Track

POINTS = 4_000
"""Points on the face."""
TEACHERS = 100
"""Pictures, spread evenly, that teach the texture."""
ROUNDS = 3
"""Times that poses and texture are found in turns: a fourth lowers what is left over by less than a
hundredth."""
STEPS = 3
"""Gauss-Newton steps of a round."""
LAST_STEPS = 5
"""Gauss-Newton steps of every picture with the finished texture, from the landmarks' pose."""
FURTHEST = (0.15, 0.03)
"""Radians and metres (across the line of sight) that a picture may move a pose."""
TOO_DEAR = 12.0
"""A picture that costs so many times the clip's median shows something else than the face; raised
brows cost up to ten times as much."""
HEARSAY = 0.1
"""What a pose counts, beside the mean of those that pictures tell, that hangs on its neighbours'
corrections."""
LANDMARK_TRUST = 0.02
"""The landmarks' share: their errors stay for many frames, and they only have to hold what no
picture tells."""
FLOW_SHARE = 1.0
"""The flow's share: it follows skin that moves with speech, which the texture's variance knows
about."""
STIFFNESS = 0.1
"""Smoothing of the poses (see `smooth_poses`)."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one picture said of its pose. before, after: cost in the pose it started from and in
    `pose`."""

    pose: Pose
    information: Float[np.ndarray, "6 6"]
    before: float
    after: float


Frames = Callable[[int], UInt8[np.ndarray, "h w 3"]]


def track_head(clip: Clip, landmarks: Landmarks, report: Report = silent) -> Track:
    """Fit the head to the landmarks, refine its poses by the pictures, and save track.npz. `report`
    gets thousandths."""
    size = (clip.info.width, clip.info.height)
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
    frame: Frames,
    size: tuple[int, int],
    report: Report = silent,
) -> Track:
    """The track with its poses aligned to the face's texture. `frame` gives the RGB picture of an
    index, `size` is width and height."""
    points = spread_points(track.identity, POINTS)
    scale = min(1.0, WORKING_SIZE / max(size))
    lens = Lens(focal=track.focal * scale, centre=np.array(size) / 2 * scale)
    start = head_to_camera(track)

    def slopes(index: int) -> Slopes:
        grey = cv2.cvtColor(frame(index), cv2.COLOR_RGB2GRAY)
        if scale < 1:
            grey = cv2.resize(
                grey, (round(size[0] * scale), round(size[1] * scale)), interpolation=cv2.INTER_AREA
            )
        return Slopes.of(detail(grey, track.landmarks[index, :, :2] * scale))

    texture = _teach(slopes, points, start, _teachers(track), lens, part(report, 0.0, 0.4))
    sights = list(_sights(slopes, points, texture, start, lens, part(report, 0.4, 0.9)))
    poses = _joined(track, landmarks, size, start, sights, part(report, 0.9, 1.0))
    backward = poses.rotations.transpose(0, 2, 1)
    return replace(
        track,
        rotations=backward.astype(np.float32),
        translations=-np.einsum("fij,fj->fi", backward, poses.translations).astype(np.float32),
    )


def _teachers(track: Track) -> Int[np.ndarray, " k"]:
    """Frames, evenly over those in which the face was found."""
    found = np.flatnonzero(track.found)
    return found[np.unique(np.linspace(0, len(found) - 1, TEACHERS).round().astype(int))]


def _teach(
    slopes: Callable[[int], Slopes],
    points: SkinPoints,
    start: Poses,
    frames: np.ndarray,
    lens: Lens,
    report: Report,
) -> Texture:
    """The texture that some pictures agree on, found in turns with their poses."""
    details = [seen.detail for seen in in_order(slopes, frames.tolist())]
    poses = [
        Pose(rotation=start.rotations[index], translation=start.translations[index])
        for index in frames
    ]
    unknown = Texture(
        values=np.zeros(len(points.places)), variances=np.full(len(points.places), np.inf)
    )
    texture = _texture(
        [
            look(Slopes.of(seen), points, unknown, pose, lens)
            for seen, pose in zip(details, poses, strict=True)
        ]
    )
    for turn in range(ROUNDS):

        def work(
            number: int, texture: Texture = texture, poses: list[Pose] = poses
        ) -> tuple[Pose, Look]:
            seen = Slopes.of(details[number])
            pose = align_picture(seen, points, texture, poses[number], lens, iterations=STEPS)
            return pose, look(seen, points, texture, pose, lens)

        poses, looks = map(list, zip(*in_order(work, range(len(details))), strict=True))
        texture = _texture(looks)
        report(turn + 1, ROUNDS)
    return texture


def _texture(looks: list[Look]) -> Texture:
    return learn_texture(
        np.stack([seen.values for seen in looks]), np.stack([seen.weights for seen in looks])
    )


def _sights(
    slopes: Callable[[int], Slopes],
    points: SkinPoints,
    texture: Texture,
    start: Poses,
    lens: Lens,
    report: Report,
) -> Iterator[Sight]:
    """Each picture of the clip by itself, aligned with the texture."""

    def work(index: int) -> Sight:
        seen, guess = (
            slopes(index),
            Pose(rotation=start.rotations[index], translation=start.translations[index]),
        )
        pose = align_picture(seen, points, texture, guess, lens, iterations=LAST_STEPS)
        before, after = (
            look(seen, points, texture, guess, lens),
            look(seen, points, texture, pose, lens),
        )
        return Sight(pose=pose, information=after.hessian, before=before.cost, after=after.cost)

    for index, sight in enumerate(in_order(work, range(len(start.rotations)))):
        yield sight
        report(index + 1, len(start.rotations))


def _joined(
    track: Track,
    landmarks: Landmarks,
    size: tuple[int, int],
    start: Poses,
    sights: list[Sight],
    report: Report,
) -> Poses:
    """One smooth solution from what pictures, flow and landmarks say."""
    aligned = Poses(
        rotations=np.stack([sight.pose.rotation for sight in sights]),
        translations=np.stack([sight.pose.translation for sight in sights]),
    )
    good = believed(
        start,
        aligned,
        np.array([sight.before for sight in sights]),
        np.array([sight.after for sight in sights]),
    )
    if not good.any():
        return start
    information = np.stack([sight.information for sight in sights])
    information[~good] = HEARSAY * information[good].mean(0)
    corrections = start.steps_to(aligned)
    frames = np.arange(len(sights))
    between = np.stack(
        [np.interp(frames, frames[good], column[good]) for column in corrections.T], -1
    )
    aligned = start.moved(np.where(good[:, None], corrections, between))
    sighted = PhotometricPriors(poses=aligned, information=information)
    flow = np.full((len(start.rotations) - 1, len(RIGID), 2), np.nan)
    flow[:, [list(RIGID).index(point) for point in SKIN]] = landmarks.flow[1:]
    seen = Evidence(
        points=track.landmarks[:, RIGID, :2].astype(np.float64),
        found=track.found * LANDMARK_TRUST,
        flow=flow,
    )
    rig = Rig(
        shape=track.identity[RIGID].astype(np.float64), focal=track.focal, centre=np.array(size) / 2
    )
    return smooth_poses(
        seen, rig, start, stiffness=STIFFNESS, flow_share=FLOW_SHARE, sights=sighted, report=report
    )


def believed(
    start: Poses, aligned: Poses, before: Float[np.ndarray, " f"], after: Float[np.ndarray, " f"]
) -> np.ndarray:
    """Which pictures tell more than the landmarks did: they cost less than before, not far more
    than the others, and moved little."""
    steps = start.steps_to(aligned)
    turn, shift = np.linalg.norm(steps[:, :3], axis=1), np.linalg.norm(steps[:, 3:5], axis=1)
    return (
        (after < before)
        & (after < TOO_DEAR * np.median(after))
        & (turn < FURTHEST[0])
        & (shift < FURTHEST[1])
    )
