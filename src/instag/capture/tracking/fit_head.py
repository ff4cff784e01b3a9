"""Head tracking: one focal length, one head shape and a pose for each frame, from the landmarks of
a whole clip (docs/method.md#observation).

The head's frame of reference (docs/conventions.md#axes-and-units): metres, x right in the picture,
y up, z out of the face. The outer corners of the eyes are 0.092 apart; y = 0 lies between eyes
(near 0.025) and mouth (near -0.045); the tip of the nose is at z = 0.075. So a head is a ball of
about 0.1 around the origin, and what lies behind z = -0.07 is behind the ears.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from instag.capture.tracking.bundle_adjustment import Rig, ShapePrior, align, bundle_adjust, project
from instag.capture.tracking.pose_smoothing import Observations, smooth_poses
from instag.observed import Track
from instag.ops.rigid_poses import Poses, camera_to_head, head_to_camera
from instag.perception.face_mesh import Landmarks, sixty_eight
from instag.perception.landmark_pairs import INNER_LIPS, OUTER_EYES, distance
from instag.perception.skin_flow import SKIN
from instag.runtime.progress import Report, part, silent

EYE_DISTANCE = 0.092
"""Metres between the outer corners of the eyes."""
NOSE_TIP_Z = 0.075
ORIGIN_SHARE = 0.36
"""Height of y = 0: this share of the distance from the eyes down to the mouth."""
FOCAL_PRIOR = 1200 / 512
"""Prior of the focal length over the picture's size, which decides where the motion does not: head
and shoulders filmed from about a metre."""
BUNDLE_FRAMES = 300
"""Frames, evenly spaced, that bundle adjustment uses; every frame gets its pose."""
STIFFNESS = 0.1
"""Smoothing of the poses: light, because the flow stabilises them (see `smooth_poses`)."""

RIGID = np.array(
    [
        # forehead's middle, ridge of the nose
        *[10, 338, 297, 332, 109, 67, 103, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327],
        *[33, 133, 362, 263, 130, 359],  # corners of the eyes
        *[127, 356, 234, 454, 93, 323, 54, 284, 21, 251, 162, 389],  # temples, before the ears
        # cheekbones, wings of the nose
        *[50, 280, 101, 330, 36, 266, 129, 358, 48, 278, 116, 345, 117, 346, 123, 352],
        *[69, 299, 104, 333, 108, 337],  # forehead
    ]
)
"""Landmarks that move little against the skull."""
INNER_EYES = (133, 362)
LIPS = (61, 291, 0, 17)
NOSE_TIP = 1
CHIN = 152
FOREHEAD = 10
MIRRORED = ((33, 263), (133, 362), (127, 356), (234, 454), (129, 358), (54, 284), (116, 345))
"""Pairs of landmarks (left in the picture, right in it) that mirror each other."""


def fit_head(landmarks: Landmarks, width: int, height: int, report: Report = silent) -> Track:
    """Focal length, rest shape and smooth poses from the landmarks of a clip of width x height
    pixels."""
    points = landmarks.points.astype(np.float64)
    rig, poses = _initialize(points, landmarks.found, width, height)
    chosen = _spread_frames(landmarks.found)
    rigid, _ = bundle_adjust(
        points[chosen][:, RIGID, :2],
        Rig(shape=rig.shape[RIGID], focal=rig.focal, center=rig.center),
        poses.select(chosen),
        ShapePrior(shape=rig.shape[RIGID], focal=rig.focal, point_sigma=width / 512),
        report=part(report, 0.05, 0.3),
    )
    start = Poses(
        rotations=poses.rotations, translations=poses.translations * [1, 1, rigid.focal / rig.focal]
    )
    observations = Observations(
        points=points[:, RIGID, :2],
        confidence=landmarks.found.astype(float),
        flow=rigid_flow(landmarks),
    )
    poses = smooth_poses(
        observations, rigid, start, stiffness=STIFFNESS, report=part(report, 0.3, 0.9)
    )
    scaled = Rig(shape=rig.shape, focal=rigid.focal, center=rigid.center)
    identity = _rest_shape(points, landmarks.found, scaled, rigid.shape, poses)
    identity, poses = to_head_frame(identity, poses)
    rotations, translations = camera_to_head(poses)
    report(1000, 1000)
    return Track(
        rotations=rotations,
        translations=translations,
        landmarks=landmarks.points.astype(np.float32),
        landmarks68=sixty_eight(landmarks.points).astype(np.float32),
        identity=identity.astype(np.float32),
        found=landmarks.found,
        focal=rigid.focal,
    )


def rigid_flow(landmarks: Landmarks) -> Float[np.ndarray, "g p 2"]:
    """Flow of the rigid points from each frame to the next, in pixels; NaN where it was not
    measured."""
    flow = np.full((len(landmarks.points) - 1, len(RIGID), 2), np.nan)
    flow[:, [list(RIGID).index(point) for point in SKIN]] = landmarks.flow[1:]
    return flow


def reprojection_errors(track: Track, width: int, height: int) -> Float[np.ndarray, "f p"]:
    """Distance in pixels between each rigid landmark and the projected rest shape."""
    rig = Rig(
        shape=track.identity[RIGID].astype(np.float64),
        focal=track.focal,
        center=np.array([width / 2, height / 2]),
    )
    return np.linalg.norm(
        project(rig, head_to_camera(track)) - track.landmarks[:, RIGID, :2], axis=-1
    )


def _spread_frames(wanted: Bool[np.ndarray, " f"]) -> Int[np.ndarray, " g"]:
    """Up to BUNDLE_FRAMES of the wanted frames, evenly spaced."""
    frames = np.flatnonzero(wanted)
    return frames[np.unique(np.linspace(0, len(frames) - 1, BUNDLE_FRAMES).round().astype(int))]


def _initialize(
    points: Float[np.ndarray, "f 478 3"], found: Bool[np.ndarray, " f"], width: int, height: int
) -> tuple[Rig, Poses]:
    """A shape by generalised Procrustes analysis of MediaPipe's own depth, and poses under weak
    perspective (Gower, "Generalized Procrustes Analysis", 1975)."""
    upright = points * [1, -1, -1]
    some = upright[_spread_frames(found)]
    shape = some[len(some) // 2]
    for _ in range(4):
        scales, rotations = align(some[:, RIGID], shape[RIGID])
        centered = some - some[:, RIGID].mean(1, keepdims=True)
        shape = np.mean((centered / scales[:, None, None]) @ rotations, axis=0)
        shape = shape * EYE_DISTANCE / np.linalg.norm(shape[OUTER_EYES[0]] - shape[OUTER_EYES[1]])
    shape = _align_axes(shape)
    scales, rotations = align(upright[:, RIGID], shape[RIGID])
    focal = FOCAL_PRIOR * max(width, height)
    center = np.array([width / 2, height / 2])
    distances = focal / scales
    middles = points[:, RIGID, :2].mean(1) - center
    offsets = shape[RIGID].mean(0) @ rotations.transpose(0, 2, 1)
    translations = (
        np.stack([middles[:, 0] / scales, -middles[:, 1] / scales, -distances], -1) - offsets
    )
    return Rig(shape=shape, focal=focal, center=center), Poses(
        rotations=rotations, translations=translations
    )


def _rest_shape(
    points: Float[np.ndarray, "f 478 3"],
    found: Bool[np.ndarray, " f"],
    rig: Rig,
    rigid: Float[np.ndarray, "p 3"],
    poses: Poses,
) -> Float[np.ndarray, "478 3"]:
    """The 478 landmarks of the face at rest, in metres: robust triangulation over frames with a
    closed mouth and open eyes, with MediaPipe's depth as a weak prior. The rigid points stay as
    bundle adjustment found them."""
    scale, turn = align(rigid[None], rig.shape[RIGID])
    guess = scale[0] * (rig.shape - rig.shape[RIGID].mean(0)) @ turn[0].T + rigid.mean(0)
    rest = _frames_at_rest(points, found)
    rays = np.concatenate(
        [
            (points[rest, :, :2] - rig.center) / rig.focal * [1, -1],
            -np.ones((len(rest), len(guess), 1)),
        ],
        -1,
    )
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    shape = _triangulate(rays @ poses.rotations[rest], poses.select(rest), guess)
    shape[RIGID] = rigid
    return shape


def _frames_at_rest(
    points: Float[np.ndarray, "f 478 3"], found: Bool[np.ndarray, " f"]
) -> Int[np.ndarray, " g"]:
    """Frames in which the mouth is closed and the eyes are open, as far as there are any."""
    size = distance(points, OUTER_EYES, 2)
    mouth = distance(points, INNER_LIPS, 2) / size
    eyes = (
        np.linalg.norm(points[:, 159, :2] - points[:, 145, :2], axis=-1)
        + np.linalg.norm(points[:, 386, :2] - points[:, 374, :2], axis=-1)
    ) / size
    rest = (
        found & (mouth <= np.quantile(mouth[found], 0.4)) & (eyes >= np.quantile(eyes[found], 0.4))
    )
    return _spread_frames(rest if rest.sum() >= 5 else found)


def _triangulate(
    rays: Float[np.ndarray, "g 478 3"], poses: Poses, guess: Float[np.ndarray, "478 3"]
) -> Float[np.ndarray, "478 3"]:
    """The points nearest to their lines of sight (unit vectors in the head's frame), by iteratively
    reweighted least squares, with a weak prior at the guess."""
    eye = -np.einsum("fji,fj->fi", poses.rotations, poses.translations)
    across = np.eye(3) - rays[..., None] * rays[..., None, :]
    shape = guess
    for _ in range(4):
        distances = np.linalg.norm(
            np.einsum("fpij,fpj->fpi", across, shape - eye[:, None]), axis=-1
        )
        weights = 1 / (1 + (distances / np.maximum(np.median(distances, axis=0), 1e-5)) ** 2 / 4)
        weights /= weights.sum(0)
        normal = np.einsum("fp,fpij->pij", weights, across) + 0.05 * np.eye(3)
        right = np.einsum("fp,fpij,fj->pi", weights, across, eye) + 0.05 * guess
        shape = np.linalg.solve(normal, right[..., None])[..., 0]
    return shape


def _align_axes(shape: Float[np.ndarray, "478 3"]) -> Float[np.ndarray, "478 3"]:
    """Rotate a shape so that mirrored points differ along x and the line from chin to forehead lies
    in x = 0, z = 0."""
    return shape @ _axes(shape).T


def _axes(shape: Float[np.ndarray, "478 3"]) -> Float[np.ndarray, "3 3"]:
    """Rows: the x, y and z axis of the head."""
    right = sum(shape[second] - shape[first] for first, second in MIRRORED)
    right = right / np.linalg.norm(right)
    up = shape[FOREHEAD] - shape[CHIN]
    up = up - right * (up @ right)
    up = up / np.linalg.norm(up)
    return np.stack([right, up, np.cross(right, up)])


def to_head_frame(
    shape: Float[np.ndarray, "478 3"], poses: Poses
) -> tuple[Float[np.ndarray, "478 3"], Poses]:
    """Shape and poses in the frame of reference that this file's docstring defines."""
    axes = _axes(shape)
    factor = EYE_DISTANCE / np.linalg.norm(shape[OUTER_EYES[0]] - shape[OUTER_EYES[1]])
    turned = shape @ axes.T * factor
    eyes, mouth = turned[[*OUTER_EYES, *INNER_EYES]].mean(0), turned[list(LIPS)].mean(0)
    origin = np.array(
        [eyes[0], eyes[1] + ORIGIN_SHARE * (mouth[1] - eyes[1]), turned[NOSE_TIP, 2] - NOSE_TIP_Z]
    )
    rotations = poses.rotations @ axes.T
    return turned - origin, Poses(
        rotations=rotations, translations=poses.translations * factor + rotations @ origin
    )
