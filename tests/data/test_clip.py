"""Hostile and damaged clips: each part that contradicts clip.json is refused with the command that
makes it again, and links lead nowhere."""

import csv
import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.capture.lost_files import lost
from instag.capture.stages import STAGES
from instag.data import clip as module
from instag.data.clip import STAGE_OF, Clip
from instag.data.clip_info import StageRecord
from instag.errors import InstagError, NotAnArtefact
from instag.media.wav import write_wav
from instag.runtime.array_files import read_arrays, write_arrays
from instag.runtime.untrusted import refuse_link

GOOD = Path(__file__).parents[1] / "artefacts" / "speaker.clip"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "theirs.clip"))


def read_all(folder: Path) -> None:
    clip = Clip.open(folder)
    clip.tables()
    clip.speech()
    clip.features("mel")
    for read in (clip.frame, clip.regions, clip.torso, clip.surface):
        read(0)


def refused(folder: Path, part: str) -> str:
    with pytest.raises(NotAnArtefact) as told:
        read_all(folder)
    message = str(told.value)
    assert str(folder / part) in message
    assert "\n" not in message
    if part != "clip.json":
        stage = STAGE_OF[part.split("/")[0]]
        assert f"instag prepare VIDEO -o {folder} --from-stage {stage}" in message
    return message


PARTS = (
    "track.npz",
    "au.csv",
    "speech.wav",
    "backdrop.png",
    "features/mel.npy",
    "frames/00000.jpg",
    "regions/00000.png",
    "torso/00000.png",
    "surface/00000.npz",
)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("spoil", [lambda data: b"", lambda data: b"x" * 50, None])
def test_what_is_emptied_lost_or_something_else_is_told(
    folder: Path, part: str, spoil: Callable[[bytes], bytes] | None
) -> None:
    read_all(folder)
    path = folder / part
    if spoil is None:
        path.unlink()
    else:
        path.write_bytes(spoil(path.read_bytes()))
    refused(folder, part)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "features/mel.npy"])
def test_stages_whose_files_are_lost_run_again(folder: Path, part: str) -> None:
    clip = Clip.open(folder)
    before = lost(clip, STAGES)
    (folder / part).write_bytes(b"")
    stage = STAGE_OF[part.split("/")[0]]
    assert lost(clip, STAGES) - before <= {stage}
    assert stage in lost(clip, STAGES) or stage not in clip.info.stages


@pytest.mark.parametrize(
    "name, change",
    [
        ("rotations", lambda a: a[:3]),
        ("rotations", lambda a: a * np.nan),
        ("rotations", lambda a: a * 0),
        ("translations", lambda a: a + np.inf),
        ("landmarks", lambda a: a[:, :468]),
        ("landmarks68", lambda a: a.astype("S8")),
        ("identity", lambda a: a * 1e30),
        ("found", lambda a: a.astype(float)),
        ("focal", lambda a: np.array(np.nan)),
        ("focal", lambda a: np.array([1.0, 2.0])),
        ("more", lambda a: np.zeros(3)),
    ],
)
def test_tracks_of_other_frames_are_refused(folder: Path, name: str, change: Callable) -> None:
    track = read_arrays(folder / "track.npz")
    write_arrays(folder / "track.npz", **{**track, name: change(track.get(name, np.zeros(1)))})
    refused(folder, "track.npz")


@pytest.mark.parametrize("cell", ["nan", "inf", "1e30", "", "x"])
def test_action_units_that_are_no_numbers_are_refused(folder: Path, cell: str) -> None:
    rows = list(csv.reader(io.StringIO((folder / "au.csv").read_text())))
    rows[2][-1] = cell
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (folder / "au.csv").write_text(text.getvalue())
    refused(folder, "au.csv")


@pytest.mark.parametrize("shape", [(32, 32, 3), (8192, 16, 3), (64, 64)])
def test_pictures_of_other_sizes_are_refused(folder: Path, shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.uint8)
    for part in ("torso/00000.png", "backdrop.png"):
        if shape != (64, 64) or part.startswith("torso"):
            cv2.imwrite(str(folder / part), picture)
            refused(folder, part)
            shutil.copy(GOOD / part, folder / part)


def test_regions_that_are_none_are_refused(folder: Path) -> None:
    side = Clip.open(folder).info.width
    cv2.imwrite(str(folder / "regions" / "00000.png"), np.full((side, side), 7, np.uint8))
    assert "no region" in refused(folder, "regions/00000.png")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_features_that_are_not_finite_are_refused(folder: Path, value: float) -> None:
    features = np.array(Clip.open(folder).features("mel"))
    features[-1, -1, -1] = value
    np.save(folder / "features" / "mel.npy", features)
    refused(folder, "features/mel.npy")


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"width": 10**9, "height": 10**9},
        {"width": 64.5},
        {"height": 32},
        {"frame_count": -1},
        {"frame_count": 10**12},
        {"fps": 0},
        {"focal": float("nan")},
        {"crop": [0, 0]},
        {"crop": None},
        {"shots": [[1]]},
        {"stages": [1]},
        {"stages": {"video": {"made_by": "x"}}},
        {"stages": {"video": {"made_by": "x", "seconds": "1", "settings": {}}}},
        {"stages": {"video": {"made_by": "x", "seconds": 1, "settings": {"seconds": 1e308}}}},
        {"stages": {"video": {"made_by": "x", "seconds": 1, "settings": {"seconds": math.nan}}}},
        {"quality": {"findings": []}},
        {"quality": {"grade": "good", "findings": [{"aspect": "length"}]}},
        {"delay_found": {"ms": 1.0}},
        {"delay_found": {"ms": math.nan, "fit": 1.0, "margin": 1.0}},
        {"flaws": "none"},
        {"flaws": {"video": [["picture"]]}},
        {"flaws": {"video": [["picture", math.nan, "damaged"]]}},
        {"source": 5},
        {"unheard_of": 1},
        {"format_version": "1"},
    ],
)
def test_descriptions_that_cannot_be_are_refused(folder: Path, changes: dict[str, object]) -> None:
    path = folder / "clip.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    refused(folder, "clip.json")


@pytest.mark.parametrize("samples", [0, 1_600])
def test_sound_that_ends_long_before_the_frames_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, samples: int
) -> None:
    monkeypatch.setattr(module, "MISSING_SOUND_S", 0.2)
    write_wav(folder / "speech.wav", np.zeros(samples, np.int16))
    refused(folder, "speech.wav")


def test_texts_of_any_letters_are_one_line(folder: Path) -> None:
    """Names of screen recordings on a Mac have a narrow space before PM."""
    path = folder / "clip.json"
    flaw = ["picture", 0.1, "two\nlines.mp4 is damaged \x1b[31m"]
    texts = {"source": "at 7.15.12\u202fPM.mov", "flaws": {"video": [flaw]}}
    path.write_text(json.dumps(json.loads(path.read_text()) | texts))
    info = Clip.open(folder).info
    assert info.source == "at 7.15.12 PM.mov"
    assert info.flaws["video"][0][2] == "two lines.mp4 is damaged  [31m"


@given(
    name=st.sampled_from(list(json.loads((GOOD / "clip.json").read_text()))),
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers(), max_size=3),
        st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    ),
)
def test_any_description_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    folder = tmp_path_factory.mktemp("any")
    content = json.loads((GOOD / "clip.json").read_text()) | {name: value}
    (folder / "clip.json").write_text(json.dumps(content))
    told = ""
    try:
        clip = Clip.open(folder)
    except InstagError as error:
        told = str(error)
    else:
        assert 16 <= clip.info.width == clip.info.height
        return
    assert str(folder) in told


def test_nothing_is_written_through_links(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "photos"
    theirs.mkdir()
    (theirs / "00000.jpg").write_bytes(b"my only picture")
    shutil.rmtree(folder / "frames")
    (folder / "frames").symlink_to(theirs)
    clip = Clip.open(folder)
    side = clip.info.width
    with pytest.raises(NotAnArtefact, match="symbolic link"):
        clip.save_frame(0, np.zeros((side, side, 3), np.uint8))
    with pytest.raises(NotAnArtefact, match="symbolic link"):
        refuse_link(folder / "frames")
    assert (theirs / "00000.jpg").read_bytes() == b"my only picture"
    refuse_link(folder / "torso")


def test_what_was_observed_identifies_a_clip_and_its_place_does_not(folder: Path) -> None:
    clip = Clip.open(folder)
    known = Clip.open(GOOD).digest()
    assert clip.digest() == known
    stages = {**clip.info.stages, "regions": replace(record_of(clip), settings={"size": 1})}
    changed = [
        replace(clip, info=replace(clip.info, first_frame=25)),
        replace(clip, info=replace(clip.info, crop=(1.0, 0.0, 9.0))),
        replace(clip, info=replace(clip.info, stages=stages)),
    ]
    assert len({known, *(each.digest() for each in changed)}) == 4
    clip.save_speech(clip.speech()[::-1])
    assert clip.digest() != known
    (folder / "track.npz").unlink()
    with pytest.raises(NotAnArtefact, match=r"track\.npz is missing"):
        clip.digest()


def record_of(clip: Clip) -> StageRecord:
    return next(iter(clip.info.stages.values()))
