"""A Clip of a synthetic speaker, written from its ground truth without any detection or
estimate."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float

from instag.assets.sample_speech import recording
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo, StageRecord
from instag.data.surface import Surface
from instag.perception.face_mesh import sixty_eight
from instag.runtime.progress import Report, silent
from instag.speech.chunking import features
from instag.speech.registry import create
from instag.synthetic.expression import Expression
from instag.synthetic.performance import Performance, Speaker, Truth, perform, spoken
from instag.types import FPS, Region, Track

STAGES = (
    "frames",
    "sound",
    "landmarks",
    "tracking",
    "action_units",
    "regions",
    "backdrop",
    "poses",
    "torso",
    "surface",
    "features",
)


def write_clip(
    folder: Path | str,
    *,
    seed: int = 0,
    frames: int = 20,
    size: int = 64,
    speech: str = "speech_one",
    report: Report = silent,
) -> Clip:
    """Write a complete Clip whose parts are all ground truth. size: side in pixels. speech: the
    name of a bundled recording. Raises BadArgument, DiskFull."""
    folder = Path(folder)
    performance = perform(
        Speaker(seed, size=size), recording(speech), seconds=frames / FPS, size=size
    )
    info = ClipInfo(
        source=f"synthetic speaker {seed}",
        source_sha256=hashlib.sha256(f"instag synthetic {seed} {speech}".encode()).hexdigest(),
        width=size,
        height=size,
        frame_count=len(performance),
        focal=performance.focal,
        crop=(0.0, 0.0, float(size)),
        stages={
            name: StageRecord(made_by="instag.synthetic", settings={"seed": seed}, seconds=0.0)
            for name in STAGES
        },
    )
    clip = Clip(folder=folder, info=info)
    truths = []
    for index in range(len(performance)):
        picture, truth = performance.frame(index)
        clip.save_frame(index, picture)
        clip.save_regions(index, truth.regions)
        clip.save_torso(index, performance.torso(index))
        clip.save_surface(index, surface_of(truth.depth, truth.regions, performance.focal))
        truths.append(truth)
        report(index + 1, len(performance))
    clip.save_backdrop(performance.backdrop)
    clip.save_track(track_of(performance, truths))
    clip.save_action_units(action_units_of(truths), np.ones(len(truths), bool))
    waveform = spoken(performance)
    clip.save_speech(waveform)
    with torch.no_grad():
        clip.save_features("mel", features(torch.from_numpy(waveform), create("mel")).numpy())
    return clip.save_info(info)


def track_of(performance: Performance, truths: list[Truth]) -> Track:
    """The true poses and landmarks, and the shape at rest."""
    landmarks = np.stack([truth.landmarks for truth in truths])
    pose = performance.poses[0]
    return Track(
        rotations=np.stack([truth.rotation for truth in truths]).astype(np.float32),
        translations=np.stack([truth.translation for truth in truths]).astype(np.float32),
        landmarks=landmarks,
        landmarks68=sixty_eight(landmarks),
        identity=performance.speaker.figure.posed(Expression(), pose).landmarks,
        found=np.ones(len(truths), bool),
        focal=performance.focal,
    )


def action_units_of(truths: list[Truth]) -> dict[str, Float[np.ndarray, " f"]]:
    """Intensities, 0 to 5, of the action units that each frame's expression implies."""
    rows = []
    for truth in truths:
        e = truth.expression
        rows.append(
            {
                "AU01": 3 * e.brow_inner,
                "AU02": 3 * e.brow_outer,
                "AU04": 3 * e.frown,
                "AU05": 1.5 * max(e.brow_inner - 0.4, 0) * (1 - e.blink),
                "AU06": 3 * e.smile,
                "AU07": 1.5 * e.smile + 0.6 * e.blink,
                "AU25": 300 * truth.aperture,
                "AU26": 20 * e.jaw,
                "AU45": 2.5 * e.blink,
            }
        )
    return {
        name: np.clip(np.array([row[name] for row in rows], np.float32), 0, 5) for name in rows[0]
    }


def surface_of(depth: Float[np.ndarray, "h w"], regions: np.ndarray, focal: float) -> Surface:
    """Depth (metres) and normals from its gradient (x right, y up, z toward the camera), valid on
    the face's skin. focal: pixels."""
    smooth = cv2.GaussianBlur(
        np.where(depth > 0, depth, depth[depth > 0].mean() if (depth > 0).any() else 1.0).astype(
            np.float32
        ),
        (0, 0),
        0.8,
    )
    slope_x, slope_y = (
        np.gradient(smooth, axis=1) * focal / smooth,
        np.gradient(smooth, axis=0) * focal / smooth,
    )
    normal = np.stack([slope_x, -slope_y, np.ones_like(smooth)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return Surface(
        depth=depth, normal=normal.astype(np.float32), valid=(regions == Region.FACE) & (depth > 0)
    )
