"""Quality measures of a clip's pictures: size, sharpness and light of the face, stability of camera
and poses, occlusion."""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.tracking.fit_head import reprojection_errors
from instag.data.clip import Clip
from instag.observed import Region, Track
from instag.perception.head_coordinates import CHIN, CROWN, EYE_CORNERS, OVAL
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

SAMPLED_FRAMES = 48
"""Frames that are measured, evenly spaced."""
FACE_HEIGHT = 192
"""Height in pixels to which a face is scaled before its sharpness is measured."""
BLOWN, BLACK = 250, 12
"""Levels of 255 beyond which a colour is overexposed, and underexposed."""
OCCLUDED = 0.3
"""Difference of brightness, over the face's range, from which a point of the face is occluded."""
CORNERS = 80
"""Points of the surroundings that are tracked."""


@final
@dataclass(frozen=True, kw_only=True)
class VideoMeasures:
    """face_px: height from forehead to chin in the source's pixels. sharpness: fine detail over all
    contrast in a face of 192 pixels.

    brightness: mean of the face, 0..255; lost: share of it in white or black; flicker: how much
    that mean varies, over itself; one_sided: darker half over the brighter. turn: degrees that the
    head is turned away in its most turned tenth of frames. trembling: how far landmarks are from
    the posed head, over the face's height. hidden: share of the face that looks unlike itself, in
    the worst tenth of frames. camera: how far the surroundings move within the clip, over the
    picture's size; None where they have nothing to follow. missing: share of frames without a face.
    outside: share of the face's points beyond the picture's edge. tilt: degrees between the face
    and upright. eyes: contrast of the duller eye over the face's.
    """

    face_px: float
    sharpness: float
    brightness: float
    lost: float
    flicker: float
    one_sided: float
    turn: float
    trembling: float
    hidden: float
    camera: float | None
    missing: float
    outside: float
    tilt: float
    eyes: float


@dataclass(frozen=True, kw_only=True)
class FrameMeasures:
    """One frame. colors: brightness at each landmark of the skin. around: the picture in grey and
    where it shows no person."""

    sharpness: float
    brightness: float
    lost: float
    one_sided: float
    eyes: float
    colors: Float[np.ndarray, " p"]
    grey: UInt8[np.ndarray, "h w"]
    around: UInt8[np.ndarray, "h w"]


def measure_video(clip: Clip, report: Report = silent) -> VideoMeasures:
    """Measure a clip that has frames, regions and track; time and memory do not grow with the
    length. Raises NotAnArtefact."""
    track = clip.track()
    chosen = np.unique(np.linspace(0, len(clip) - 1, SAMPLED_FRAMES).astype(int))
    frames: list[FrameMeasures] = []
    for frame in in_order(
        lambda index: _measure_frame(
            clip.frame(index), clip.regions(index), track.landmarks[index]
        ),
        [int(index) for index in chosen],
    ):
        frames.append(frame)
        report(len(frames), len(chosen))
    heights = np.ptp(track.landmarks[:, OVAL, 1], axis=1)
    brightness = np.array([frame.brightness for frame in frames])
    return VideoMeasures(
        face_px=float(np.median(heights) * clip.info.crop[2] / clip.info.width),
        sharpness=float(np.median([frame.sharpness for frame in frames])),
        brightness=float(np.median(brightness)),
        lost=float(np.median([frame.lost for frame in frames])),
        flicker=float(np.std(brightness) / max(np.mean(brightness), 1.0)),
        one_sided=float(np.median([frame.one_sided for frame in frames])),
        turn=float(np.quantile(_turns(track), 0.9)),
        trembling=float(
            np.median(reprojection_errors(track, clip.info.width, clip.info.height))
            / np.median(heights)
        ),
        hidden=float(
            np.quantile(_occluded_share(np.stack([frame.colors for frame in frames])), 0.9)
        ),
        camera=_camera_path(frames),
        missing=float(1 - track.found.mean()),
        outside=float(np.median(outside(track.landmarks[..., :2], clip.size()))),
        tilt=float(np.median(tilts(track.landmarks))),
        eyes=float(np.median([frame.eyes for frame in frames])),
    )


def outside(points: Float[np.ndarray, "f p 2"], size: tuple[int, int]) -> Float[np.ndarray, " f"]:
    """The share of each frame's points beyond the picture."""
    return ((points < 0) | (points >= np.array(size))).any(-1).mean(-1)


def tilts(landmarks: Float[np.ndarray, "f 478 3"]) -> Float[np.ndarray, " f"]:
    """Degrees from upright to the line from forehead to chin, 0 to 180."""
    along = landmarks[:, CHIN, :2] - landmarks[:, CROWN, :2]
    return np.degrees(np.abs(np.arctan2(along[:, 0], along[:, 1])))


def _eyes(
    grey: UInt8[np.ndarray, "h w"], oval: UInt8[np.ndarray, "h w"], landmarks: np.ndarray
) -> float:
    """The contrast (standard deviation) of the duller eye, over the face's range of brightness;
    that of what covers it, such as a bar, where it is covered."""
    face = grey[oval > 0].astype(float)
    if not face.size:
        return 0.0
    low, high = np.quantile(face, (0.05, 0.95))
    found = [_around(grey, landmarks[list(corners), :2]) for corners in EYE_CORNERS]
    return min(float(eye.std()) if eye.size else 0.0 for eye in found) / max(high - low, 1.0)


def _around(grey: UInt8[np.ndarray, "h w"], corners: np.ndarray) -> np.ndarray:
    """The pixels of an eye, from its two corners."""
    middle, width = corners.mean(0), float(np.linalg.norm(corners[1] - corners[0]))
    (left, top), (right, bottom) = (
        (middle + sign * width * np.array([0.5, 0.35])).round().astype(int) for sign in (-1, 1)
    )
    return grey[max(0, top) : max(0, bottom + 1), max(0, left) : max(0, right + 1)]


def measure_picture(
    frame: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "478 3"]
) -> FrameMeasures:
    """The measures of a picture whose surroundings are not looked at."""
    person = np.full(frame.shape[:2], Region.FACE, np.uint8)
    return _measure_frame(frame, person, landmarks)


def _measure_frame(
    frame: UInt8[np.ndarray, "h w 3"],
    regions: UInt8[np.ndarray, "h w"],
    landmarks: Float[np.ndarray, "478 3"],
) -> FrameMeasures:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    outline = landmarks[OVAL, :2]
    oval = cv2.fillConvexPoly(
        np.zeros_like(grey), cv2.convexHull(outline.round().astype(np.int32)), (1,)
    )
    face = grey[oval > 0]
    if not face.size:
        face = grey.ravel()
    sides = [
        float(grey[(oval > 0) & side].mean()) if (oval[side] > 0).any() else 1.0
        for side in _halves(landmarks, grey)
    ]
    size = min(256, max(grey.shape)) / max(grey.shape)
    around = cv2.erode(
        (regions == Region.BACKGROUND).astype(np.uint8),
        np.ones((25, 25), np.uint8),
        borderValue=(1,),
    )
    return FrameMeasures(
        sharpness=_sharpness(grey, oval, float(np.ptp(outline[:, 1]))),
        brightness=float(face.mean()),
        lost=float(((face >= BLOWN) | (face <= BLACK)).mean()),
        one_sided=min(sides) / max(*sides, 1.0),
        eyes=_eyes(grey, oval, landmarks),
        colors=_at_landmarks(grey, landmarks),
        grey=cv2.resize(grey, None, fx=size, fy=size, interpolation=cv2.INTER_AREA),
        around=cv2.resize(around, None, fx=size, fy=size, interpolation=cv2.INTER_NEAREST),
    )


def _halves(
    landmarks: Float[np.ndarray, "478 3"], grey: UInt8[np.ndarray, "h w"]
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels on either side of the line from the forehead to the chin."""
    (x0, y0), (x1, y1) = landmarks[10, :2], landmarks[152, :2]
    rows, columns = np.arange(len(grey))[:, None], np.arange(len(grey[0]))
    left = (columns - x0) * (y1 - y0) - (rows - y0) * (x1 - x0) < 0
    return left, ~left


def _sharpness(
    grey: UInt8[np.ndarray, "h w"], oval: UInt8[np.ndarray, "h w"], height: float
) -> float:
    """Contrast of details of about two pixels over all contrast, in the face brought to
    FACE_HEIGHT."""
    scale = FACE_HEIGHT / max(height, 1.0)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    face = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=way).astype(np.float32)
    inside = (
        cv2.erode(
            cv2.resize(oval, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_NEAREST),
            np.ones((5, 5), np.uint8),
        )
        > 0
    )
    if not inside.any():
        return 0.0
    fine = cv2.GaussianBlur(face, (0, 0), 0.8) - cv2.GaussianBlur(face, (0, 0), 1.6)
    return float(fine[inside].std() / max(float(face[inside].std()), 1.0))


def _at_landmarks(
    grey: UInt8[np.ndarray, "h w"], landmarks: Float[np.ndarray, "478 3"]
) -> Float[np.ndarray, " p"]:
    """Brightness around each of the skin's landmarks away from mouth and eyes' openings."""
    soft = cv2.GaussianBlur(grey, (0, 0), max(1.0, len(grey) / 128))
    x, y = (
        np.clip(landmarks[:468, axis].round().astype(int), 0, limit - 1)
        for axis, limit in ((0, grey.shape[1]), (1, grey.shape[0]))
    )
    return soft[y, x].astype(np.float64)


def _occluded_share(colors: Float[np.ndarray, "f p"]) -> Float[np.ndarray, " f"]:
    """Share of points in each frame whose brightness is far from the clip's usual one at that
    point, the frame's light allowed for."""
    usual = np.median(colors, axis=0)
    light = np.median(colors / np.maximum(usual, 1), axis=1, keepdims=True)
    span = max(float(np.subtract(*np.quantile(usual, (0.95, 0.05)))), 30.0)
    return (np.abs(colors - light * usual) > OCCLUDED * span).mean(1)


def _turns(track: Track) -> Float[np.ndarray, " f"]:
    """Degrees between where each frame's face looks and the camera."""
    to_camera = track.translations / np.linalg.norm(track.translations, axis=-1, keepdims=True)
    return np.degrees(np.arccos(np.clip(to_camera[:, 2], -1, 1)))


def _camera_path(frames: list[FrameMeasures]) -> float | None:
    """The largest distance that the surroundings were found to have moved from the first look on,
    over the picture's size."""
    first = frames[0]
    points = cv2.goodFeaturesToTrack(first.grey, CORNERS, 0.02, 5, mask=first.around)
    if points is None or len(points) < 6:
        return None
    distances = []
    for frame in frames[1:]:
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            first.grey, frame.grey, points, points.copy(), winSize=(21, 21), maxLevel=3
        )
        back, returned, _ = cv2.calcOpticalFlowPyrLK(
            frame.grey, first.grey, there, there.copy(), winSize=(21, 21), maxLevel=3
        )
        good = (found[:, 0] > 0) & (returned[:, 0] > 0) & (np.abs(back - points).max((1, 2)) < 0.5)
        if good.sum() >= 6:
            distances.append(float(np.linalg.norm(np.median((there - points)[good, 0], axis=0))))
    return float(np.quantile(distances, 0.9)) / max(first.grey.shape) if distances else None
