"""What is a cut and what is not, on synthetic speakers and on plain pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from instag.capture import shots as module
from instag.capture.face_crop import Face, ScanResult, find_crop
from instag.capture.shots import SIDE, Shot, Shots, find_shots
from instag.errors import BadArgument, NoFace
from instag.media.reader import MediaInfo, Timeline, skim_frames
from instag.media.timecode import clock
from instag.media.writer import write_video
from shared_files import shared_clip

Pictures = list[np.ndarray]


def speaking(seed: int, seconds: float = 2.0) -> Pictures:
    clip = shared_clip(seed=seed, frames={0: 60, 3: 51}[seed])
    return [clip.frame(index) for index in range(round(seconds * 25))]


@pytest.fixture(scope="module")
def one() -> Pictures:
    return speaking(0)


@pytest.fixture(scope="module")
def other() -> Pictures:
    return speaking(3, 1.6)


@pytest.fixture(scope="module")
def card() -> Pictures:
    picture = np.full((64, 64, 3), (20, 30, 90), np.uint8)
    cv2.putText(picture, "TITLE", (4, 36), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return [picture] * 30


def found(pictures: Pictures) -> Shots:
    return find_shots(
        cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures
    )


def edges(pictures: Pictures) -> list[tuple[int, int]]:
    return [(shot.first, shot.end) for shot in found(pictures).shots]


def dissolved(before: Pictures, after: Pictures, length: int) -> Pictures:
    weights = (np.arange(length) + 1) / (length + 1)
    mixed = [
        ((1 - w) * before[-length + i] + w * after[i]).astype(np.uint8)
        for i, w in enumerate(weights)
    ]
    return [*before[:-length], *mixed, *after[length:]]


def test_one_take_is_one_shot(one: Pictures) -> None:
    assert found(one) == Shots(shots=(Shot(first=0, end=50),), jumps=())


def test_another_speaker_and_a_title_card(one: Pictures, other: Pictures, card: Pictures) -> None:
    assert edges(one + other) == [(0, 50), (50, 90)]
    assert edges(card + one + card) == [(0, 30), (30, 80), (80, 110)]
    assert edges([*one, *other[:3], *card]) == [(0, 50), (50, 53), (53, 83)]


def test_a_dissolve_belongs_to_neither(one: Pictures, other: Pictures) -> None:
    (_, end), (first, _) = edges(dissolved(one, other, 12))
    assert 24 <= end <= 38
    assert 50 <= first <= 64


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_flash_is_no_cut(one: Pictures, length: int) -> None:
    bright = [np.clip(picture * 2.0 + 90, 0, 255).astype(np.uint8) for picture in one]
    assert len(found([*one[:20], *bright[20 : 20 + length], *one[20 + length :]]).shots) == 1


def test_a_fast_turn_and_a_swinging_camera_are_no_cuts(one: Pictures) -> None:
    wide = np.tile(np.random.default_rng(0).integers(0, 255, (64, 40, 3), np.uint8), (1, 12, 1))
    swung = [cv2.GaussianBlur(wide, (0, 0), 3)[:, step * 9 : step * 9 + 64] for step in range(40)]
    assert len(found(swung).shots) == 1
    turned = []
    for step in range(50):
        turn = 28 * np.sin(np.pi * np.clip((step - 20) / 6, 0, 1)) ** 2
        picture = one[0].copy()
        picture[10:54] = cv2.warpAffine(
            picture[10:54],
            np.array([[1, 0, turn], [0, 1, 0]], np.float32),
            (64, 44),
            borderMode=cv2.BORDER_REPLICATE,
        )
        turned.append(picture)
    assert len(found(turned).shots) == 1


def test_a_cut_out_of_a_take_is_a_jump(one: Pictures) -> None:
    moved = [picture.copy() for picture in one[25:]]
    for picture in moved:
        picture[20:44, 12:52] = picture[20:44, 20:60].copy()
    assert found(one[:25] + moved) == Shots(shots=(Shot(first=0, end=50),), jumps=(25,))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_videos(count: int) -> None:
    assert edges([np.zeros((SIDE, SIDE, 3), np.uint8)] * count) == [(0, count)]


def test_skimming_sees_what_reading_sees(tmp_path: Path, one: Pictures) -> None:
    write_video(tmp_path / "me.mp4", one, fps=30)
    skimmed = list(skim_frames(tmp_path / "me.mp4", small=SIDE, every=10, scale=0.5))
    assert [index for index, (_, picture) in enumerate(skimmed) if picture is not None] == [
        0,
        10,
        20,
        30,
        40,
    ]
    assert skimmed[0][0].shape == (SIDE, SIDE, 3)
    assert skimmed[0][1] is not None
    assert skimmed[0][1].shape == (32, 32, 3)


def survey(*shots: tuple[int, int, bool]) -> ScanResult:
    """Of first frame, end, and whether a face is seen; a sample each tenth frame."""
    face = (Face(x=300, y=300, height=200),)
    info = MediaInfo(
        width=640, height=480, fps=25, seconds=shots[-1][1] / 25, has_picture=True, has_sound=True
    )
    samples = tuple(
        face if seen else ()
        for first, end, seen in shots
        for index in range(first, end)
        if index % 10 == 0
    )
    return ScanResult(
        video=Path("me.mp4"),
        info=info,
        timeline=Timeline(),
        shots=Shots(shots=tuple(Shot(first=f, end=e) for f, e, _ in shots), jumps=()),
        every=10,
        faces=samples,
    )


def test_the_longest_shot_with_a_face_is_taken_or_the_one_asked_for() -> None:
    seen = survey((0, 305, False), (305, 400, True), (400, 560, True), (560, 600, True))
    assert seen.choose(None) == Shot(first=400, end=560)
    assert seen.choose(2) == Shot(first=305, end=400)
    assert len(seen.within(seen.choose(2))) == 9
    with pytest.raises(
        BadArgument, match=r"--shot 5: me\.mp4 has 4 \(by number: 1: 0:00\.0 to 0:12\.2, 2"
    ):
        seen.choose(5)
    with pytest.raises(NoFace, match=r"me\.mp4 from 0:00\.0 to 0:12\.2"):
        find_crop(seen, seen.choose(1))


def test_clock() -> None:
    assert clock(1534) == "1:01.4"


@pytest.mark.parametrize("count", [1, 7, 8, 23])
@pytest.mark.parametrize("apart", [1, 4])
def test_changes_are_those_of_each_pair(
    count: int, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 4)
    pictures = list(np.random.default_rng(0).integers(0, 60, (count, SIDE, SIDE, 3), np.uint8))
    pairs = zip(pictures, pictures[apart:], strict=False)
    expected = [module._change(one, other) for one, other in pairs]
    found = module._changes(pictures, apart)
    np.testing.assert_array_equal(found, np.reshape(expected, (-1, 2)))


def faded(pictures: Pictures, color: int, length: int) -> Pictures:
    """The first pictures come out of one colour."""
    weights = [min(1.0, (index + 1) / (length + 1)) for index in range(len(pictures))]
    return [
        (w * picture + (1 - w) * color).astype(np.uint8)
        for w, picture in zip(weights, pictures, strict=True)
    ]


@pytest.mark.parametrize("color", [0, 255])
def test_what_fades_in_or_out_is_no_part_of_a_shot(one: Pictures, color: int) -> None:
    pictures = [*one, *one[::-1], *one]
    both = faded(faded(pictures, color, 15)[::-1], color, 10)[::-1]
    ((first, end),) = edges(both)
    assert 12 <= first <= 15
    assert 8 <= len(both) - end <= 10
    assert [(fade.first, fade.end) for fade in found(both).fades] == [
        (0, first),
        (end, len(both)),
    ]
    assert edges(pictures) == [(0, len(pictures))]
    assert not found(pictures).fades


def test_a_slow_fade_is_left_out_while_the_picture_grows(one: Pictures) -> None:
    """As a title's: 2.4 s, in which the camera nears."""
    steady = [*one, *one[::-1]] * 3
    side = one[0].shape[0]
    zoomed = [
        cv2.warpAffine(
            picture,
            cv2.getRotationMatrix2D((side / 2, side / 2), 0, min(0.8 + 0.2 * i / 60, 1)),
            (side, side),
            borderMode=cv2.BORDER_REPLICATE,
        )
        for i, picture in enumerate(steady)
    ]
    ((first, end),) = edges(faded(zoomed, 255, 60))
    assert 52 <= first <= 60
    assert end == len(steady)


def test_a_fade_takes_no_more_than_a_quarter_and_only_of_what_rises(one: Pictures) -> None:
    assert edges(faded(one, 0, 40)) == [(0, len(one))]
    dimmed = [(0.6 * picture).astype(np.uint8) for picture in one]
    pulsing = [*dimmed[:3], *one[:3], *dimmed[3:6], *one, *one[::-1]]
    assert edges(pulsing) == [(0, len(pulsing))]
