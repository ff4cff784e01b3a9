"""What is measured of a synthetic clip and of the same one spoilt, and what is said of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from bare_clip import bare_info
from instag.assets.sample_speech import recording
from instag.capture.quality.audio import AudioMeasures, measure_audio
from instag.capture.quality.limits import LIMITS, Finding, Grade
from instag.capture.quality.report import Quality, judge, quality_lines
from instag.capture.quality.video import VideoMeasures, measure_video
from instag.data.clip import Clip
from instag.data.clip_info import StageRecord
from instag.synthetic.truth_clip import write_clip

FINE = VideoMeasures(
    face_px=240,
    sharpness=0.1,
    brightness=130,
    lost=0,
    flicker=0.01,
    one_sided=0.9,
    turn=12,
    trembling=0.003,
    hidden=0.03,
    camera=0.001,
    missing=0,
    outside=0,
    tilt=3,
    eyes=0.35,
)
CLEAR = AudioMeasures(level=-15, span=35, clipped=0)
INFO = bare_info(125, width=512, height=512, shots=((0, 125),))
MATCHED = {"ms": 3.0, "fit": 0.6, "margin": 0.3}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("true") / "me.clip", frames=12, size=128)


@pytest.fixture(scope="module")
def true(clip: Clip) -> VideoMeasures:
    return measure_video(clip)


def spoilt(clip: Clip, change: Callable[[np.ndarray, int], np.ndarray]) -> VideoMeasures:
    """Measured with its frames changed as they are read."""
    read = Clip.frame
    with patch.object(Clip, "frame", lambda self, index: change(read(self, index), index)):
        return measure_video(clip)


def test_a_true_clip_measures_well(true: VideoMeasures) -> None:
    assert 45 < true.face_px < 110
    assert true.missing == true.lost == 0
    assert true.trembling < 0.01
    assert true.hidden < 0.12
    assert true.turn < 27
    assert true.camera is None or true.camera < 0.03
    assert true.outside == 0
    assert true.tilt < 10
    assert true.eyes > 0.14


def test_bars_over_the_eyes_are_measured(clip: Clip) -> None:
    track = clip.track()

    def barred(frame: np.ndarray, index: int) -> np.ndarray:
        left, right = (track.landmarks[index, corner, :2] for corner in (33, 263))
        half = 0.35 * float(np.linalg.norm(right - left))
        (x0, x1), y = (int(left[0] - half), int(right[0] + half)), (left[1] + right[1]) / 2
        cv2.rectangle(frame, (x0, int(y - half)), (x1, int(y + half)), (0, 0, 0), -1)
        return frame

    assert spoilt(clip, barred).eyes < 0.05


def test_faces_that_leave_the_picture_or_hang_upside_down_are_measured(clip: Clip) -> None:
    track, size = clip.track(), clip.info.width

    def seen(landmarks: np.ndarray) -> VideoMeasures:
        with patch.object(Clip, "track", lambda _: replace(track, landmarks=landmarks)):
            return measure_video(clip)

    middle = np.median(track.landmarks[..., :2], axis=(0, 1))
    aside = track.landmarks - np.append(middle, 0).astype(np.float32)
    assert 0.3 < seen(aside).outside < 0.8
    over = track.landmarks.copy()
    over[..., :2] = size - 1 - over[..., :2]
    assert seen(over).tilt > 170


def test_spoiling_is_measured(clip: Clip, true: VideoMeasures) -> None:
    track = clip.track()

    def hand(frame: np.ndarray, index: int) -> np.ndarray:
        if index % 4 == 0:
            cv2.circle(frame, tuple(map(int, track.landmarks[index, 1, :2])), 21, (40, 30, 30), -1)
        return frame

    assert (
        spoilt(clip, lambda frame, _: cv2.GaussianBlur(frame, (0, 0), 2)).sharpness
        < 0.6 * true.sharpness
    )
    assert (
        spoilt(clip, lambda frame, _: (frame * 0.3).astype(np.uint8)).brightness
        < 0.35 * true.brightness
    )
    assert spoilt(clip, hand).hidden > true.hidden + 0.1
    assert (
        spoilt(
            clip, lambda frame, index: (frame * (0.5 + 0.5 * (index % 2))).astype(np.uint8)
        ).flicker
        > true.flicker + 0.2
    )


def test_a_moving_camera_is_measured(clip: Clip, true: VideoMeasures) -> None:
    texture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (128, 160, 3), np.uint8), (0, 0), 2
    )

    def before(shift: int) -> Callable[[np.ndarray, int], np.ndarray]:
        return lambda frame, index: np.where(
            (clip.regions(index) == 0)[..., None],
            texture[:, shift * index : shift * index + 128],
            frame,
        )

    still, moving = (spoilt(clip, before(shift)).camera for shift in (0, 1))
    assert still is not None
    assert moving is not None
    assert still < 0.01
    assert 0.05 < moving < 0.12


def test_sound() -> None:
    voice = recording().waveform
    clear, noise = measure_audio(voice), np.random.default_rng(0).normal(0, 1, len(voice))
    assert clear.span > 20
    assert clear.clipped == 0
    assert measure_audio(np.clip(12 * voice, -1, 1)).clipped > 0.05
    assert measure_audio((voice + voice.std() * noise).astype(np.float32)).span < 10
    assert measure_audio(0.01 * voice).level == pytest.approx(clear.level - 40, abs=1)
    assert measure_audio(np.zeros(16_000, np.float32)).level < -90


def test_a_fine_clip_is_good() -> None:
    assert judge(replace(INFO, delay_found=MATCHED), FINE, CLEAR) == ()
    assert Quality(findings=(), measured={}).grade is Grade.GOOD


@pytest.mark.parametrize(
    "aspect, video, audio",
    [
        ("face size", {"face_px": 60}, {}),
        ("blur", {"sharpness": 0.03}, {}),
        ("light", {"brightness": 40}, {}),
        ("light", {"brightness": 230}, {}),
        ("light", {"lost": 0.3}, {}),
        ("light", {"one_sided": 0.2}, {}),
        ("light", {"flicker": 0.3}, {}),
        ("occlusion", {"hidden": 0.3}, {}),
        ("occlusion", {"eyes": 0.02}, {}),
        ("framing", {"outside": 0.4}, {}),
        ("framing", {"tilt": 178}, {}),
        ("head turns", {"turn": 50}, {}),
        ("jitter", {"trembling": 0.02}, {}),
        ("camera", {"camera": 0.2}, {}),
        ("sound level", {}, {"level": -60}),
        ("noise", {}, {"span": 5}),
        ("clipping", {}, {"clipped": 0.1}),
    ],
)
def test_each_fault_is_named_with_what_to_do(
    aspect: str, video: dict[str, float], audio: dict[str, float]
) -> None:
    (finding,) = judge(INFO, replace(FINE, **video), replace(CLEAR, **audio))
    assert (finding.aspect, finding.grade) == (aspect, Grade.POOR)
    assert finding.message.endswith(".")
    assert "{" not in finding.message


def test_between_good_and_poor_is_fair() -> None:
    for limit in LIMITS:
        assert limit.fair != limit.poor
    (finding,) = judge(INFO, replace(FINE, face_px=120), CLEAR)
    assert finding.grade is Grade.FAIR


def test_what_the_clip_says_of_itself() -> None:
    def aspects(**about: Any) -> list[tuple[str, str]]:
        return [
            (finding.aspect, finding.grade)
            for finding in judge(replace(INFO, **about), FINE, CLEAR)
        ]

    assert aspects(frame_count=100, shots=((0, 100),)) == [("length", "fair")]
    assert aspects(frame_count=60, shots=((0, 60),)) == [("length", "poor")]
    assert aspects(first_frame=30, shots=((0, 10), (10, 155))) == [("missing face", "fair")]
    assert aspects(shots=((0, 500),)) == [("missing face", "poor")]
    five = {"video": StageRecord(made_by="", settings={"seconds": 5}, seconds=0)}
    assert aspects(shots=((0, 500),), stages=five) == []
    assert aspects(jumps=(40, 300)) == [("jumps", "fair")]
    assert aspects(delay_found={"ms": 0, "fit": 0.3, "margin": 0.02}) == [("lip sync", "fair")]
    assert aspects(delay_found={"ms": 0, "fit": 0.05, "margin": 0.01}) == [("lip sync", "poor")]
    for given, expected in ((None, [("lip sync", "poor")]), (80, [])):
        audio = {"sound": StageRecord(made_by="", settings={"delay_ms": given}, seconds=0)}
        assert aspects(stages=audio) == expected
        assert aspects(stages=audio, frame_count=60, shots=((0, 60),)) == [("length", "poor")]


def test_worst_first_and_as_lines() -> None:
    found = judge(INFO, replace(FINE, face_px=120, sharpness=0.02), CLEAR)
    quality = Quality(findings=found, measured={"face_px": 120.0})
    assert quality.grade is Grade.POOR
    assert [finding.aspect for finding in found] == ["blur", "face size"]
    lines = quality_lines(replace(INFO, quality=quality.as_json()))
    assert lines[0] == "Quality: poor"
    assert lines[1].startswith("blur, poor: The face is blurred")
    assert quality_lines(INFO) == []
    assert isinstance(found[0], Finding)


def test_a_picture_without_texture(clip: Clip) -> None:
    flat = spoilt(clip, lambda frame, _: np.full_like(frame, 90))
    assert flat.sharpness == 0
    assert flat.camera is None


@pytest.mark.parametrize(
    ("share", "grades"), [(0.0, []), (0.005, []), (0.05, [Grade.FAIR]), (0.4, [Grade.POOR])]
)
def test_damage_of_the_source_counts_by_its_share(share: float, grades: list[Grade]) -> None:
    damaged = replace(
        INFO, delay_found=MATCHED, flaws={"video": [["picture", share, "Frames are damaged."]]}
    )
    assert [each.grade for each in judge(damaged, FINE, CLEAR)] == grades
