"""Where the crop lies for faces that are given; what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from instag.capture.face_crop import Crop, Face, check_crop, find_crop, frame_head, scan_video
from instag.errors import BadArgument, NoFace
from instag.media.reader import MediaInfo
from instag.media.writer import write_video


def info(width: int, height: int) -> MediaInfo:
    return MediaInfo(
        width=width, height=height, fps=25, seconds=4, has_picture=True, has_sound=True
    )


def test_a_clip_framed_so_already_is_kept_whole() -> None:
    assert frame_head([Face(x=256, y=270, height=250)] * 10, info(512, 512)) == Crop(0, 0, 512)


def test_head_fills_half_of_the_crop() -> None:
    crop = frame_head([Face(x=540, y=700, height=200)] * 10, info(1080, 1920))
    assert crop.size == 400
    assert abs(crop.x + crop.size / 2 - 540) <= 2
    assert 0.5 < (700 - crop.y) / crop.size < 0.6


def test_a_moving_head_gets_a_larger_crop() -> None:
    faces = [Face(x=440 + 20 * step, y=700, height=200) for step in range(11)]
    crop = frame_head(faces, info(1080, 1920))
    assert crop.size > 450
    assert crop.x < 440 - 120
    assert crop.x + crop.size > 640 + 120


def test_the_crop_stays_in_the_picture() -> None:
    crop = frame_head([Face(x=60, y=60, height=300)] * 5, info(640, 480))
    check_crop(crop, info(640, 480))
    assert crop.size <= 480


def test_one_false_detection_does_not_move_it() -> None:
    faces = [Face(x=540, y=700, height=200)] * 20
    assert frame_head([*faces, Face(x=100, y=1500, height=190)], info(1080, 1920)) == frame_head(
        faces, info(1080, 1920)
    )


def test_crop_outside_is_refused() -> None:
    with pytest.raises(BadArgument, match="640 x 480"):
        check_crop(Crop(400, 0, 480), info(640, 480))


def test_no_face(tmp_path) -> None:
    path = tmp_path / "wall.mp4"
    write_video(path, (np.full((96, 128, 3), 90, np.uint8) for _ in range(60)))
    with pytest.raises(NoFace, match=r"6 of 6 frames of .*wall\.mp4"):
        find_crop(survey := scan_video(path), survey.choose(None))


def test_a_part_of_a_video_holds_the_shots_in_it(tmp_path: Path) -> None:
    path = tmp_path / "me.mp4"
    write_video(path, (np.full((48, 64, 3), 20 if k < 50 else 220, np.uint8) for k in range(100)))
    scan = scan_video(path, window=(1.0, 3.0))
    assert [(shot.first, shot.end) for shot in scan.shots.shots] == [(25, 50), (50, 75)]
    with pytest.raises(BadArgument, match=r"--from 0:09\.0: .*me\.mp4 ends at 0:04\.0"):
        scan_video(path, window=(9.0, math.inf))
