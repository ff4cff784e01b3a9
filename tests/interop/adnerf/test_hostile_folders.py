"""Folders of the layout with files that are none, are of another size or contradict themselves:
each is refused by the name of the file, or said; nothing is left."""

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from instag.data.clip import Clip
from instag.errors import BadArgument, BadLayout, NotAnArtefact
from instag.interop.adnerf import import_clip as importing
from instag.interop.adnerf.export_clip import export_clip
from instag.interop.adnerf.import_clip import import_clip
from instag.interop.adnerf.layout import numbered
from instag.interop.adnerf.poses import read_track_params, read_transforms
from instag.interop.adnerf.source import scan_folder
from instag.perception.face_mesh import Landmarks
from shared_files import copied_clip, made_once, shared_clip

FRAMES = 56


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `export_clip` wrote of a synthetic clip, to be spoiled."""

    def make(path: Path) -> None:
        export_clip(shared_clip(frames=FRAMES), path)

    exported = made_once("exported-for-hostile-folders", make)
    return Path(shutil.copytree(exported, tmp_path / "theirs"))


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No face is looked for in pictures of 64 pixels."""
    track = shared_clip(frames=FRAMES).track()
    truth = Landmarks(
        points=track.landmarks, found=track.found, flow=np.zeros((FRAMES, 27, 2), np.float32)
    )
    monkeypatch.setattr(importing, "find_landmarks", lambda *_, **__: truth)
    monkeypatch.setattr(importing, "fit_head", lambda *_, **__: track)


def refused(folder: Path, words: str) -> None:
    output = folder.parent / "back.clip"
    with pytest.raises(BadLayout, match=words) as told:
        import_clip(folder, output)
    assert "\n" not in str(told.value)
    assert ".instag-" not in str(told.value)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_files_are_frames(tmp_path: Path) -> None:
    (tmp_path / "1.png").touch()
    (tmp_path / "2.png").mkdir()
    os.mkfifo(tmp_path / "3.png")
    for number, target in ((4, "/dev/zero"), (5, "nowhere"), (6, "6.png"), (7, "1.png")):
        (tmp_path / f"{number}.png").symlink_to(target)
    for name in ("._8.png", "-9.png", "٣.png", "x.png"):
        (tmp_path / name).touch()
    assert list(numbered(tmp_path, (".png",))) == [1, 7]


def test_two_files_of_one_frame_are_refused(tmp_path: Path) -> None:
    for name in ("1.jpg", "01.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(BadLayout, match=r"01\.jpg and 1\.jpg"):
        numbered(tmp_path, (".jpg",))


def encoded(height: int, width: int) -> bytes:
    return cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize("content", [b"", b"text", encoded(32, 32), encoded(64, 64)[:-40]])
def test_a_frame_that_is_none_is_named(folder: Path, content: bytes) -> None:
    (folder / "ori_imgs" / "5.jpg").write_bytes(content)
    refused(folder, r"ori_imgs/5\.jpg is damaged, or is not a picture")


@pytest.mark.parametrize("name", ["track.npz", "backdrop.png", "features/mel.npy", "clip.json"])
def test_a_damaged_sidecar_is_named(folder: Path, name: str) -> None:
    (folder / "instag" / name).write_bytes(b"damaged")
    refused(folder, rf"instag/{name} is damaged.*Remove {folder / 'instag'}")


def test_a_frame_of_a_huge_number_is_no_long_list_of_holes(folder: Path) -> None:
    for number in range(40, FRAMES):
        (folder / "ori_imgs" / f"{number}.jpg").unlink()
    shutil.copy(folder / "ori_imgs" / "5.jpg", folder / "ori_imgs" / "999999999999.jpg")
    for name in ("transforms_train.json", "transforms_val.json", "track_params.pt"):
        (folder / name).unlink()
    with pytest.raises(BadLayout, match=r"999999999959 pictures are missing.*first: 40"):
        scan_folder(folder)


@pytest.mark.parametrize("color", [(255, 255, 255), (3, 3, 3), (0, 0, 255)])
def test_a_parsing_without_a_face_where_the_face_is_is_refused(
    folder: Path, observed: None, color: tuple[int, int, int]
) -> None:
    for path in (folder / "parsing").iterdir():
        cv2.imwrite(str(path), np.full((64, 64, 3), color, np.uint8))
    refused(folder, "shows a face at 0% of the places")


def test_sound_that_is_missing_is_told(folder: Path, observed: None) -> None:
    sound = (folder / "aud.wav").read_bytes()
    (folder / "aud.wav").write_bytes(sound[:44])
    refused(folder, r"ends 2\.2 s before the frames do")
    (folder / "aud.wav").write_bytes(sound[:44] + bytes(len(sound) - 44))
    assert "silent" in import_clip(folder, folder.parent / "back.clip").notes[0]


def test_poses_of_something_else_are_refused(folder: Path, observed: None) -> None:
    shutil.rmtree(folder / "instag")
    for path in (folder / "transforms_train.json", folder / "transforms_val.json"):
        content = json.loads(path.read_text())
        for frame in content["frames"]:
            frame["transform_matrix"][0][3] = 9e3
        path.write_text(json.dumps(content))
    refused(folder, "are not of the face in its pictures")


FAR, LAST_ROW = np.eye(4), np.eye(4)
FAR[0, 3], LAST_ROW[3, 0] = 1e300, 5.0


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("transform_matrix", FAR.tolist(), "no rotation and translation"),
        ("transform_matrix", LAST_ROW.tolist(), "no rotation and translation"),
        ("img_id", 4, "frame 4 has two poses"),
        ("img_id", 3.7, "img_id is 3.7"),
        ("img_id", 10**30, "not a whole number"),
    ],
)
def test_transforms_that_cannot_be_are_refused(
    folder: Path, field: str, value: object, words: str
) -> None:
    path = folder / "transforms_train.json"
    content = json.loads(path.read_text())
    content["frames"][3][field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(BadLayout, match=words):
        read_transforms(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored | {"trans": stored["trans"] * 1e6},
        lambda stored: stored | {"euler": stored["euler"].to(torch.complex64)},
        lambda stored: stored | {"focal": torch.tensor([100.0, 200.0])},
        lambda stored: stored | {"focal": torch.zeros(0)},
    ],
)
def test_track_params_that_cannot_be_are_refused(folder: Path, change: Callable) -> None:
    path = folder / "track_params.pt"
    torch.save(change(torch.load(path, weights_only=True)), path)
    with pytest.raises(BadLayout, match=r"track_params\.pt is damaged"):
        read_track_params(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("frames/00005.jpg", None),
        ("torso/00005.png", None),
        ("torso/00005.png", b"damaged"),
        ("speech.wav", None),
        ("speech.wav", b"damaged"),
        ("au.csv", None),
        ("au.csv", b""),
        ("au.csv", b"\xff\xfe"),
        ("features/mel.npy", b"damaged"),
    ],
)
def test_a_clip_that_is_damaged_is_not_exported(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    clip = copied_clip(tmp_path / "me.clip", frames=FRAMES)
    (clip.folder / name).unlink()
    if content is not None:
        (clip.folder / name).write_bytes(content)
    with pytest.raises(NotAnArtefact, match=name):
        export_clip(clip, tmp_path / "exported")


def stored(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize("shape", [(3, 29, 16), (FRAMES, 16, 29), (FRAMES, 29, 0)])
def test_features_of_other_frames_are_not_exported(tmp_path: Path, shape: tuple[int, ...]) -> None:
    clip = copied_clip(tmp_path / "me.clip", frames=FRAMES)
    (clip.folder / "features" / "deepspeech.npy").write_bytes(stored(np.zeros(shape, np.float32)))
    with pytest.raises(NotAnArtefact, match=r"deepspeech\.npy is damaged"):
        export_clip(clip, tmp_path / "exported")


def test_an_export_of_other_frames_is_not_written_over(folder: Path) -> None:
    clip = shared_clip(frames=FRAMES)
    shorter = Clip(folder=clip.folder, info=replace(clip.info, frame_count=50))
    with pytest.raises(BadArgument, match="holds 56 frames"):
        export_clip(shorter, folder)


def test_a_clip_that_keeps_all_for_testing_is_not_exported(tmp_path: Path) -> None:
    clip = shared_clip(frames=FRAMES)
    kept = Clip(folder=clip.folder, info=replace(clip.info, test_frames=FRAMES + 1))
    with pytest.raises(BadArgument, match="none is left to learn from"):
        export_clip(kept, tmp_path / "exported")
