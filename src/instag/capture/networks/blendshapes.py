"""Action units from the 52 blendshape scores of MediaPipe's face landmarker (face_landmarker.task,
a file of its own).

A score is a sigmoid whose middle depends on the person: what counts is how far its logit is above
the clip's usual one. The model's cheekSquint stays at zero, and its jaw and lips follow speech less
well than the landmarks do: AU06, AU25 and AU26 are left to these.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from instag.data.clip import Clip
from instag.errors import AssetDamaged, NoFace
from instag.perception.action_units import FULL_BLINK, JITTER_FRAMES, action_units
from instag.perception.native_logs import native_logs_hidden
from instag.runtime.progress import Report, silent

SCORES = {
    "AU01": ("browInnerUp",),
    "AU02": ("browOuterUpLeft", "browOuterUpRight"),
    "AU04": ("browDownLeft", "browDownRight"),
    "AU05": ("eyeWideLeft", "eyeWideRight"),
    "AU07": ("eyeSquintLeft", "eyeSquintRight"),
    "AU45": ("eyeBlinkLeft", "eyeBlinkRight"),
}
PER_LOGIT = {"AU01": 0.45, "AU02": 0.45, "AU04": 0.6, "AU05": 0.6, "AU07": 0.8}
"""Intensity for each unit of logit above the usual: brings clips to the range of the landmarks'
action units."""
BLINK_FROM, BLINK_TO = 0.3, 1.7
"""Logits above the usual at which a blink begins and is complete."""
TINY = 1e-5


def blendshape_action_units(clip: Clip, model: Path, report: Report = silent) -> None:
    """Write au.csv from blendshapes where they are good, from track.npz for the rest. Raises
    AssetDamaged, NoFace."""
    track = clip.track()
    scores, seen = blendshape_scores(clip, model, report)
    measured = action_units(track, clip.info.width, clip.info.height)
    clip.save_action_units({**measured, **from_scores(scores)}, track.found & seen)


def from_scores(scores: dict[str, Float[np.ndarray, " f"]]) -> dict[str, Float[np.ndarray, " f"]]:
    """AU01, 02, 04, 05, 07 in 0..5 and AU45 in 0..2.5 from blendshape scores in 0..1 by name."""
    table = {}
    for unit, names in SCORES.items():
        logit = np.mean(
            [np.log((scores[name] + TINY) / (1 - scores[name] + TINY)) for name in names], axis=0
        )
        above = logit - np.median(logit)
        if unit == "AU45":
            value = FULL_BLINK * np.clip((above - BLINK_FROM) / (BLINK_TO - BLINK_FROM), 0, 1)
        else:
            value = np.clip(
                gaussian_filter1d(np.maximum(above, 0), JITTER_FRAMES) * PER_LOGIT[unit], 0, 5
            )
        table[unit] = value.astype(np.float32)
    return table


def blendshape_scores(
    clip: Clip, model: Path, report: Report = silent
) -> tuple[dict[str, Float[np.ndarray, " f"]], np.ndarray]:
    """Scores in 0..1 by name for each frame, and in which frames a face was seen; in the others
    they are filled in between. Raises AssetDamaged, NoFace."""
    from mediapipe import Image, ImageFormat

    rows: list[dict[str, float] | None] = []
    with _landmarker(model) as landmarker:
        for index in range(len(clip)):
            answer = landmarker.detect(
                Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(clip.frame(index)))
            )
            rows.append(
                {score.category_name: score.score for score in answer.face_blendshapes[0]}
                if answer.face_blendshapes
                else None
            )
            report(index + 1, len(clip))
    seen = np.array([row is not None for row in rows])
    if not seen.any():
        raise NoFace(
            f"The face landmarker sees no face in the {len(clip)} frames of {clip.folder}. Leave "
            "out --au blendshapes."
        )
    known = [row for row in rows if row is not None]
    at = np.flatnonzero(seen)
    names = [name for names in SCORES.values() for name in names]
    return {
        name: np.interp(np.arange(len(rows)), at, [row[name] for row in known]).astype(np.float32)
        for name in names
    }, seen


def _landmarker(model: Path) -> Any:
    """MediaPipe's face landmarker for single pictures: following a face, it smooths in time and
    draws blinks out. Raises AssetDamaged."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.IMAGE,
        output_face_blendshapes=True,
    )
    try:
        with native_logs_hidden():
            return vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        raise AssetDamaged(
            f"{model} is damaged or no face landmarker ({str(error).splitlines()[0]}). Get it "
            "again: instag assets get blendshapes"
        ) from error
