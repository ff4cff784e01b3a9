"""A clip tracked with the face model: a Track of the same form, in our frame of reference, and the
coefficients beside it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from bare_clip import bare_info
from capture.tracking.bfm import faces
from instag.assets import store
from instag.capture.backends import COEFFICIENTS
from instag.capture.options import CaptureOptions, check_backends
from instag.capture.stages import STAGES, replace_track
from instag.capture.tracking.bfm.fit import project
from instag.capture.tracking.fit_head import (
    CHIN,
    EYE_DISTANCE,
    FOREHEAD,
    MIRRORED,
    NOSE_TIP,
    NOSE_TIP_Z,
    reprojection_errors,
)
from instag.data.clip import Clip
from instag.errors import CaptureError
from instag.interop.adnerf.poses import read_track_params
from instag.perception.landmark_pairs import OUTER_EYES
from instag.runtime.progress import silent
from instag.types import Track

SIZE, FRAMES = 192, 12
FOCAL = 1150 / 512 * SIZE
FACE = faces.model()
TRUTH = faces.truth(FACE, FRAMES, SIZE, FOCAL)


def vertices() -> np.ndarray:
    """For each of MediaPipe's 478 points a vertex of the made-up face; those that fix our frame of
    reference lie where faces have them."""
    number = np.arange(faces.GRID**2).reshape(faces.GRID, faces.GRID)
    chosen = np.random.default_rng(5).choice(number[3:-3, 3:-3].ravel(), 478)
    last, row, generator = faces.GRID - 1, 12, np.random.default_rng(2)
    for left, right in MIRRORED:
        place = generator.integers(4, 30), generator.integers(5, 16)
        chosen[left], chosen[right] = number[place], number[place[0], last - place[1]]
    chosen[list(OUTER_EYES)] = number[row, 8], number[row, last - 8]
    chosen[[FOREHEAD, CHIN, NOSE_TIP]] = number[1, 20], number[-2, 20], number[21, 20]
    return chosen


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    """A clip of the made-up person, with a track that is right but for its rotations and focal
    length, and the model as an asset."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    (tmp_path / "assets").mkdir()
    held = {
        name: value.astype(np.float32) if value.dtype.kind == "f" else value
        for name, value in faces.content().items()
    }
    np.savez(tmp_path / "assets" / "bfm.npz", **held)  # pyright: ignore[reportArgumentType]
    info = bare_info(FRAMES, width=SIZE, height=SIZE)
    clip = Clip(folder=tmp_path / "me.clip", info=info)
    clip.folder.mkdir()
    for index, picture in enumerate(
        faces.pictures(FACE, TRUTH, SIZE, torch.zeros(6).double(), faces.plain_light())
    ):
        clip.save_frame(index, picture)
    chosen = FACE.shape.at(torch.as_tensor(vertices()))
    pixels = project(chosen, TRUTH, faces.center_of(SIZE)).pixels.numpy()
    wrong = (
        (Rotation.from_matrix(TRUTH.rotations.numpy()) * Rotation.from_rotvec([0.03, -0.05, 0.02]))
        .as_matrix()
        .transpose(0, 2, 1)
    )
    identity = (chosen.mean + torch.einsum("pic,i->pc", chosen.identity, TRUTH.identity)).numpy()
    clip.save_track(
        Track(
            rotations=wrong.astype(np.float32),
            translations=-np.einsum("fij,fj->fi", wrong, TRUTH.translations.numpy()).astype(
                np.float32
            ),
            landmarks=np.concatenate([pixels, np.zeros((FRAMES, 478, 1))], -1).astype(np.float32),
            landmarks68=faces.landmarks(FACE, TRUTH, SIZE).astype(np.float32),
            identity=identity.astype(np.float32),
            found=np.ones(FRAMES, bool),
            focal=FOCAL * 1.2,
        )
    )
    return clip


def turns(rotations: np.ndarray) -> np.ndarray:
    """Degrees from frame to frame: whatever the head's axes are."""
    forward = Rotation.from_matrix(rotations.transpose(0, 2, 1))
    return np.degrees((forward[1:] * forward[:-1].inv()).as_rotvec())


def test_the_models_track_is_a_track(clip: Clip) -> None:
    before = clip.track()
    options = CaptureOptions(tracker="bfm")
    check_backends(options)
    (stage,) = (stage for stage in STAGES if stage.name == "tracking")
    assert stage.settings(options) == {"tracker": "bfm"}
    track = replace_track(clip, before, silent, points="builtin", tracker="bfm")
    for name, value in vars(clip.track()).items():
        np.testing.assert_array_equal(value, getattr(track, name))
    assert (
        np.abs(turns(track.rotations) - turns(TRUTH.rotations.numpy().transpose(0, 2, 1))).max()
        < 0.3
    )
    assert track.focal == pytest.approx(FOCAL, rel=0.06)
    assert reprojection_errors(track, SIZE, SIZE).mean() < 2.5, (
        "the made-up face moves all its points"
    )
    left, right = track.identity[list(OUTER_EYES)]
    assert np.linalg.norm(right - left) == pytest.approx(EYE_DISTANCE, rel=1e-3)
    assert track.identity[NOSE_TIP, 2] == pytest.approx(NOSE_TIP_Z, abs=1e-4)
    assert (track.translations[:, 2] > 0.3).all()
    np.testing.assert_array_equal(track.landmarks, before.landmarks)


def test_coefficients_lie_beside_it_and_go_with_it(clip: Clip) -> None:
    replace_track(clip, clip.track(), silent, points="builtin", tracker="bfm")
    with np.load(clip.folder / COEFFICIENTS, allow_pickle=False) as held:
        shapes = {name: held[name].shape for name in held.files}
        torch.save(
            {
                name: torch.from_numpy(held[name])
                for name in ("id", "exp", "euler", "trans", "focal")
            },
            clip.folder / "track_params.pt",
        )
    assert shapes == {
        "id": (1, 12),
        "exp": (FRAMES, 8),
        "tex": (1, 6),
        "light": (FRAMES, 27),
        "euler": (FRAMES, 3),
        "trans": (FRAMES, 3),
        "focal": (1,),
        "colour_error": (FRAMES,),
    }
    read = read_track_params(clip.folder / "track_params.pt")
    forward = np.stack([read.matrices[index][:3, :3].T for index in range(FRAMES)])
    away = Rotation.from_matrix(forward) * Rotation.from_matrix(TRUTH.rotations.numpy()).inv()
    assert np.degrees(away.magnitude()).mean() < 0.4, (
        "the family's file of poses, as import-clip reads it"
    )
    assert read.focal == pytest.approx(FOCAL, rel=0.06)
    replace_track(clip, clip.track(), silent, points="builtin", tracker="builtin")
    assert not (clip.folder / COEFFICIENTS).exists()


def test_a_model_that_misses_the_face_is_told(clip: Clip) -> None:
    """Landmarks of someone else: the 68 points say another head than the 478."""
    track = clip.track()
    generator = np.random.default_rng(0)
    scattered = dataclasses.replace(
        track,
        landmarks68=generator.uniform(20, SIZE - 20, track.landmarks68.shape).astype(np.float32),
    )
    with pytest.raises(
        CaptureError, match=r"does not lie on the face of .*Leave out --tracker bfm"
    ):
        replace_track(clip, scattered, silent, points="builtin", tracker="bfm")
